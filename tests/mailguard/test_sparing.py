"""This sender is being delayed: what would spare its servers the wait."""

from typing import Any

import pytest
from django.test import Client

from mailguard.traffic.models import Attempt
from mailguard.traffic.sparing import spares
from mailguard.traffic.stories import Story
from tests.support.traffic import seen


def put_off(**fields: Any) -> Attempt:
    """One attempt that greylisting put off."""
    given: dict[str, Any] = {
        "outcome": "put off",
        "control": "greylisting",
        "code": 450,
        "text": "<bob@practice.test>: Recipient address rejected: Greylisted",
        "client_address": "192.0.2.7",
        "client_name": "mx7.out.big.example",
        "sender": "alice@big.example",
    }
    return seen(**(given | fields))


def offered(row: Attempt) -> list[str]:
    """The lines that are offered, the likeliest first."""
    return [each.value for each in spares(Story(row))]


@pytest.mark.django_db
def test_the_senders_own_organisation_comes_first() -> None:
    assert offered(put_off()) == [
        *("big.example", "mx7.out.big.example", "192.0.2.0/24")
    ]


@pytest.mark.django_db
def test_for_another_organisations_server_that_one_comes_first() -> None:
    row = put_off(sender="carol@small.example")
    assert offered(row)[0] == "mx7.out.big.example"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["unknown", "7-2-0-192.dsl.isp.example"])
def test_without_a_mail_servers_name_the_address_is_named(name: str) -> None:
    assert offered(put_off(client_name=name)) == ["192.0.2.7", "192.0.2.0/24"]


@pytest.mark.django_db
def test_what_greylisting_did_not_put_off_is_not_spared_anything() -> None:
    assert offered(put_off(control="reject_non_fqdn_sender")) == []


def test_one_click_leads_to_the_whitelist(client: Client) -> None:
    page = client.get(f"/search/{put_off().pk}/").content.decode()
    assert "This sender is being delayed" in page
    assert "postgrey knows servers, no senders" in page
    assert (
        'href="/greylisting/whitelist/add/?value=big.example&amp;kind=grey_client'
        in page
    )


def test_what_is_only_learned_is_not_called_delayed(client: Client) -> None:
    row = put_off(outcome="accepted", control="", code=None, warned="greylisting")
    page = client.get(f"/search/{row.pk}/").content.decode()
    assert "Greylisting would delay this sender" in page
    assert "is being delayed" not in page
    assert "Would have put it off:" in page and "Would be put off by" in page
    rows = client.get("/search/").content.decode().partition("<tr data-attempt")[2]
    assert "would have been put off by" in rows and "refused" not in rows
