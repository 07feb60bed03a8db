"""The page Blocklists, and the command line's way to the same."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils.html import strip_tags

from mailguard.changes import demotion
from mailguard.protection.models import ListCheck, Setting
from mailguard.servers import services as servers
from mailguard.servers.models import Observed, Server
from postfixconf.policy.blocklists import LISTS
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Group
from postfixconf.policy.unusable_lists import DEAD
from tests.support.dns import Dns

KEY = "dnsbl:psbl.surriel.com"
OURS = [each for each in CONTROLS if each.group is Group.BLOCKLISTS]


def text_of(client: Client) -> str:
    """The words of the page."""
    page = client.get("/blocklists/").content.decode()
    return " ".join(strip_tags(page).split())


def test_every_list_is_on_the_page_with_terms_and_state(
    client: Client, server: Server
) -> None:
    page = client.get("/blocklists/").content.decode()
    for each in OURS:
        assert f'data-testid="{each.key}"' in page
        assert f'name="{each.key}"' in page
    assert page.count("<fieldset disabled>") == 7
    assert page.count('data-trusted="unknown"') == len(OURS)
    assert all(each.codes in page and each.url in page for each in LISTS)
    assert page.count("needs registration") == 2
    assert page.count("Needs a key first") == page.count("needs a key") == 7
    assert all(f"<code>{zone}</code>" in page for zone in DEAD)


def test_the_page_asks_for_a_sign_in(db: None) -> None:
    for path in ("/blocklists/", "/blocklists/check/"):
        assert Client().get(path).status_code == 302
        assert Client().post(path).status_code in (302, 405)
    assert not ListCheck.objects.exists()


def test_a_switch_is_a_draft_and_leads_back_to_the_page(
    client: Client, server: Server
) -> None:
    fields = {KEY: "on", f"{KEY}.test": "on"}
    answer = client.post(f"/protection/{KEY}/", fields)
    assert answer["Location"] == f"/blocklists/#{KEY}"
    assert Setting.objects.get(key=KEY).mode == "test"


def test_a_check_is_asked_for_and_made_by_the_worker(
    client: Client, server: Server, dns: Dns
) -> None:
    client.post("/blocklists/check/")
    client.post("/blocklists/check/")
    asked = [each for each in LISTS if not each.key]
    assert ListCheck.objects.filter(at=None).count() == len(asked)
    assert "a check is under way" in text_of(client)
    with dns.answering({("2.0.0.127.psbl.surriel.com", "A"): []}):
        demotion.watch(server)
    assert ListCheck.objects.filter(trusted=True).count() == len(asked) - 1
    told = text_of(client)
    assert "Answers as it should, within" in told
    assert "Cannot be trusted here. It does not list its own test point" in told
    assert "1 of 1 checks in 30 days failed" in told


def test_dead_lists_of_main_cf_are_named(client: Client, server: Server) -> None:
    seen = Observed.objects.get()
    more = (
        b"smtpd_client_restrictions = warn_if_reject reject_rbl_client"
        b" dul.dnsbl.sorbs.net, reject_rhsbl_sender dnsbl.ahbl.org=127.0.0.2\n"
    )
    Observed.objects.update(main=servers.as_bytes(servers.as_text(seen.main)) + more)
    told = text_of(client)
    assert "The list dnsbl.sorbs.net is dead since 2024." in told
    assert "reject_rhsbl_sender dnsbl.ahbl.org=127.0.0.2" in told


@pytest.mark.parametrize("zone", ["dnsbl.sorbs.net", "spam.dnsbl.sorbs.net"])
def test_a_dead_list_is_refused_on_the_command_line(server: Server, zone: str) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("set", f"dnsbl:{zone}=on", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert ended.value.code == 2
    assert "is dead since 2024" in told["message"]
