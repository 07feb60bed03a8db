"""Trusted networks beside the mail log: who sends, is suggested, or is warned of."""

from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from django.test import Client

from mailguard.audit.services import Actor
from mailguard.protection import watching
from mailguard.sending import networks, trusting
from mailguard.sending.judging import Judge
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.traffic import clients
from mailguard.traffic.models import Evidence
from tests.mailguard.test_domains import server
from tests.support.traffic import seen

__all__ = ["server"]

DAY = 86_400.0
COPIER: dict[str, Any] = {
    "client_address": "192.168.1.20",
    "client_name": "copier.lan",
    "sender": "scan@practice.test",
}
DENIED = {"outcome": "refused", "control": "relay_protection"}
SPAM = {"outcome": "refused", "control": "dnsbl:zen.spamhaus.org"}
LAN = "192.168.1.0/24"


@pytest.fixture(autouse=True)
def adopted(server: Server) -> None:
    server.refresh_from_db()


def count(server: Server) -> Judge:
    """What is known once the worker has counted."""
    Evidence.objects.all().delete()
    watching.senders(server)
    return Judge.of(server)


def standing_in(server: Server, *interfaces: tuple[str, str]) -> None:
    """The machine stands in these networks, too."""
    observed = servers.last_observed(server)
    assert observed is not None
    around = replace(observed.around, interfaces=interfaces)
    servers.keep_observed(server, replace(observed, around=around))


def suggestions(server: Server) -> dict[str, str]:
    """Network and reason."""
    found = networks.suggested(server, count(server))
    return {each.network: each.reason for each in found}


def test_a_client_is_counted_by_what_it_did(server: Server) -> None:
    for fields in ({}, {}, DENIED, SPAM, {"warned": "reject_unknown_sender_domain"}):
        seen(**COPIER | fields)
    seen(**COPIER, sasl_username="alice")
    seen(ago=8 * DAY, **COPIER)
    seen(client_address="")
    [found] = clients.counted(server).clients
    assert (found.address, found.name) == ("192.168.1.20", "copier.lan")
    assert (found.sent, found.denied, found.stopped) == (3, 1, 2)


@pytest.mark.parametrize(
    "control", ["greylisting", "relay_protection", "unknown_recipient", "recorder", ""]
)
def test_what_strikes_everybody_makes_nobody_a_stranger(
    server: Server, control: str
) -> None:
    seen(**COPIER, outcome="put off", control=control)
    [found] = clients.counted(server).clients
    assert found.stopped == 0


def test_it_is_counted_again_only_where_there_is_news(server: Server) -> None:
    seen(**COPIER)
    count(server)
    before = Evidence.objects.get(control="clients").at
    clients.refresh(server)
    assert Evidence.objects.get(control="clients").at == before


def test_the_page_tells_how_much_comes_from_a_network(
    client: Client, server: Server, alice: Actor
) -> None:
    trusting.add(server=server, text=LAN, actor=alice)
    seen(**COPIER)
    seen(**COPIER | {"client_address": "192.168.1.21"})
    seen(client_address="192.168.2.1")
    row = networks.listed(server, count(server))[1]
    assert (row.network, row.sent, row.senders) == (LAN, 2, 2)
    assert "from 2 clients" in client.get("/sending/networks/").content.decode()


def test_a_device_that_is_refused_is_suggested_and_taken_with_one_click(
    client: Client, server: Server
) -> None:
    seen(**COPIER | DENIED)
    seen(**COPIER | DENIED | {"client_address": "5.9.1.1"})
    [said] = suggestions(server).items()
    assert said[0] == "192.168.1.20/32"
    assert said[1] == "192.168.1.20 (copier.lan) was refused 1 to others in 7 days."
    page = client.get("/sending/networks/").content.decode()
    assert 'data-suggested="192.168.1.20/32"' in page
    client.post("/sending/networks/add/", {"network": "192.168.1.20/32"})
    assert "192.168.1.20/32" in trusting.trusted(server)
    assert suggestions(server) == {}


def test_the_networks_of_this_server_are_suggested_but_not_those_of_containers(
    server: Server,
) -> None:
    lan, away = ("eth0", "192.168.1.0/24"), ("eth1", "5.9.0.0/24")
    standing_in(
        server, lan, away, ("docker0", "172.17.0.0/16"), ("br-1", "10.9.0.0/16")
    )
    assert list(suggestions(server)) == [LAN]


def test_a_hostile_name_is_escaped(client: Client, server: Server) -> None:
    seen(**COPIER | {"client_name": "<script>alert(1)</script>\u202e"})
    count(server)
    page = client.get("/sending/networks/").content.decode()
    assert "<script>alert" not in page and "\\u202e" in page


@pytest.mark.parametrize("network", ["10.9.0.0/16", "10.9.1.0/24", "10.0.0.0/8"])
def test_a_network_of_containers_is_warned_of(server: Server, network: str) -> None:
    standing_in(server, ("br-1", "10.9.0.0/16"))
    assert "containers on this machine (br-1)" in Judge.of(server).doubts(network)[0]


def test_a_network_with_strangers_is_asked_back_with_numbers(
    client: Client, server: Server
) -> None:
    for last in (1, 1, 2):
        seen(**COPIER | SPAM | {"client_address": f"192.168.1.{last}"})
    count(server)
    told = {"network": LAN, "note": ""}
    page = unescape(client.post("/sending/networks/add/", told).content.decode())
    assert "3 messages of 2 clients there met rules against spam" in page
    assert LAN not in trusting.trusted(server)


def test_a_gateway_is_warned_of(server: Server) -> None:
    for number in range(12):
        seen(client_address="192.168.1.1", sender=f"a@d{number}.example")
    [said] = count(server).doubts(LAN)
    assert "192.168.1.1 brings mail of 12 sender domains" in said


def test_who_would_be_cut_off_is_named_before_a_network_goes(
    client: Client, server: Server
) -> None:
    for last in range(7):
        seen(client_address=f"127.0.0.{last + 1}")
    seen(client_address="127.0.0.1")
    count(server)
    told = {"value": "127.0.0.1/32"}
    page = client.post("/sending/networks/remove/", told).content.decode()
    assert "127.0.0.1 (2)" in page and "127.0.0.2" not in page
    assert "127.0.0.1/32" in trusting.trusted(server)


def test_many_who_would_be_cut_off_are_counted(server: Server) -> None:
    for last in range(7):
        seen(client_address=f"127.0.0.{last + 1}")
    judge = replace(count(server), live=frozenset({"127.0.0.0/8"}))
    assert "and 2 more" in judge.losses("127.0.0.0/8")[1]
    assert judge.losses(LAN) == []
