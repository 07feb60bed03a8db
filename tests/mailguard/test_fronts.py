"""Who stands in front: by the MX records and the mail log, and one client for all."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from mailguard.audit.services import Actor
from mailguard.celery import app
from mailguard.protection import naming, watching
from mailguard.protection.fronts import fronts, gateway, relays
from mailguard.protection.models import MxLookup, OwnDomain
from mailguard.servers.models import Server
from mailguard.settings import TURNS
from mailguard.traffic.models import Attempt, Evidence
from tests.mailguard.test_domains import server
from tests.support.dns import Dns, Records
from tests.support.traffic import seen

__all__ = ["server"]

FILTER: dict[str, Any] = {
    "client_address": "192.0.2.50",
    "client_name": "out1.filter.example",
}
GATEWAY: dict[str, Any] = {"client_address": "172.17.0.1", "client_name": "unknown"}
BACKUP: Records = {
    ("practice.test", "MX"): ["10 mx.practice.test", "20 mx2.filter.example"],
    ("mx2.filter.example", "A"): ["192.0.2.51"],
}


@pytest.fixture(autouse=True)
def backup(dns: Dns) -> Iterator[None]:
    """Practice.test has a backup MX."""
    with dns.answering(BACKUP):
        yield


def mail(number: int, **fields: Any) -> None:
    """So many messages, each of another sender domain."""
    for each in range(number):
        seen(sender=f"a@s{each}.example", **fields)


def count(server: Server) -> None:
    """What the worker does now and then."""
    Evidence.objects.all().delete()
    watching.senders(server)


def test_a_backup_mx_is_suggested_with_its_addresses(
    client: Client, server: Server, alice: Actor
) -> None:
    watching.exchanges(server)
    [found] = fronts(server, ())
    assert (found.name, found.addresses) == ("mx2.filter.example", ("192.0.2.51",))
    assert "takes mail when this one does not" in found.reasons[0]
    page = client.get("/relays/").content.decode()
    assert 'name="relay" value="192.0.2.51"' in page and "this server" in page


def test_a_filter_in_front_takes_mail_first(server: Server, dns: Dns) -> None:
    first = {("practice.test", "MX"): ["5 mx2.filter.example", "10 mx.practice.test"]}
    with dns.answering(first):
        watching.exchanges(server)
    assert "takes mail first" in fronts(server, ())[0].reasons[0]


def test_what_the_log_saw_of_the_same_house_is_suggested_too(server: Server) -> None:
    mail(3, **FILTER)
    watching.exchanges(server)
    count(server)
    [found] = fronts(server, ())
    assert found.addresses == ("192.0.2.51", "192.0.2.50")
    assert "192.0.2.50 brought 3 of the latest 3 attempts" in found.reasons[1]


def test_one_click_names_them(client: Client, server: Server) -> None:
    watching.exchanges(server)
    told = {"relay": ["192.0.2.51", "192.0.2.50"]}
    client.post("/relays/add-seen/", told)
    assert relays() == ("192.0.2.50", "192.0.2.51")
    assert "Nobody: neither the MX records" in client.get("/relays/").content.decode()


def test_a_bad_value_among_them_names_none(client: Client, server: Server) -> None:
    told = {"relay": ["192.0.2.51", "nonsense"]}
    page = client.post("/relays/add-seen/", told, follow=True).content.decode()
    assert "nonsense" in page and "Nothing was changed" in page
    assert relays() == ()


def test_a_domain_is_looked_up_once_an_hour(server: Server, dns: Dns) -> None:
    watching.exchanges(server)
    asked = len(dns.queries)
    watching.exchanges(server)
    assert len(dns.queries) == asked
    assert MxLookup.objects.get(domain="practice.test").trouble == ""


def test_a_domain_that_is_no_longer_ours_is_forgotten(
    server: Server, alice: Actor
) -> None:
    naming.add_domain(text="gone.invalid", actor=alice)
    watching.exchanges(server)
    assert "does not exist" in MxLookup.objects.get(domain="gone.invalid").trouble
    OwnDomain.objects.all().delete()
    watching.exchanges(server)
    assert not MxLookup.objects.filter(domain="gone.invalid").exists()


def test_a_relay_is_known_by_its_one_voice(server: Server) -> None:
    mail(60, helo="filter.example", client_address="203.0.113.9", client_name="unknown")
    mail(60, helo="", client_address="203.0.113.10", client_name="unknown")
    count(server)
    assert [each.name for each in fronts(server, ())] == ["203.0.113.9"]
    assert "60 sender domains" in fronts(server, ())[0].reasons[0]


def greeted(number: int) -> None:
    """Mail of many senders through a gateway, each with its own greeting."""
    for each in range(number):
        seen(sender=f"a@s{each}.example", helo=f"mx.s{each}.example", **GATEWAY)


def test_one_client_for_all_is_warned_of(client: Client, server: Server) -> None:
    greeted(90)
    mail(30)
    count(server)
    for path in ("/", "/relays/", "/findings/"):
        page = client.get(path).content.decode()
        assert "172.17.0.1 brings 75% of all mail: 90 of the latest 120" in page, path
    found = gateway(server, ())
    assert found is not None and "greets with 90 names" in found.remedy


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        ({"sasl_username": "alice"}, 120),
        ({"service": "postfix/submission/smtpd"}, 120),
        ({"client_address": "127.0.0.1"}, 120),
        ({"sender": "news@one.example"}, 120),
        ({"ago": 8 * 86_400.0}, 120),
        ({}, 99),
    ],
)
def test_others_are_not(server: Server, fields: dict[str, Any], number: int) -> None:
    for each in range(number):
        seen(**({"sender": f"a@s{each}.example"} | GATEWAY | fields))
    count(server)
    assert gateway(server, ()) is None


def test_a_relay_that_is_named_is_no_gateway(server: Server, alice: Actor) -> None:
    greeted(120)
    count(server)
    assert gateway(server, ()) is not None
    naming.add_relay(text="172.17.0.0/16", actor=alice)
    assert gateway(server, relays()) is None


def test_without_mail_or_records_the_page_says_so(
    client: Client, server: Server
) -> None:
    page = client.get("/relays/").content.decode()
    assert "Nobody: neither" in page and "One client brings" not in page


def test_what_dns_and_strangers_say_is_shown_as_text(
    client: Client, server: Server
) -> None:
    mail(120, client_name='"><script>alert(1)</script>', helo="<script>x</script>")
    Attempt.objects.update(client_address="203.0.113.9")
    MxLookup.objects.create(
        server=server,
        domain="practice.test",
        at="2099-01-01T00:00Z",
        exchanges=[
            {"host": "<script>x", "preference": 1, "addresses": ["::1"], "here": False}
        ],
    )
    count(server)
    for path in ("/", "/relays/", "/findings/"):
        page = client.get(path).content.decode()
        assert "<script>x" not in page and "<script>alert" not in page
        assert path == "/" or "203.0.113.9 brings 100%" in page


def test_every_turn_names_a_task_that_is_there() -> None:
    app.loader.import_default_modules()
    assert {task for task, _, _ in TURNS.values()} <= set(app.tasks)
