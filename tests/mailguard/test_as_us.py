"""Who sends as us: what the log tells, what it looks like, and what it forbids."""

from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.protection import naming, services, watching
from mailguard.protection.as_us import Evidence
from mailguard.protection.as_us_groups import Group, Guess
from mailguard.protection.domains import own_domains, who_sends_as_us
from mailguard.protection.models import Setting
from mailguard.servers.models import Server
from mailguard.traffic import as_us
from mailguard.traffic.keys import key_of
from mailguard.traffic.models import Log
from postfixconf.errors import BadPolicy
from tests.mailguard.test_domains import server
from tests.support.traffic import seen

__all__ = ["server"]

ALICE, CAROL, DAVE = (f"{x}@practice.test" for x in ("alice", "carol", "dave"))
NEWS: dict[str, Any] = {
    "client_address": "198.51.100.7",
    "client_name": "mail7.mcsv.net",
}
HOME: dict[str, Any] = {"client_address": "203.0.113.9", "client_name": "unknown"}
FORWARDER: dict[str, Any] = {
    "client_address": "192.0.2.80",
    "client_name": "mx.alumni.example",
}
LAN: dict[str, Any] = {"client_address": "127.0.0.1", "client_name": "localhost"}
OUT = "friend@alumni.example"
DAY = 86_400.0
HOSTILE = '<script>alert(1)</script>\u202e"@practice.test'


@pytest.fixture(autouse=True)
def ours(server: Server, alice: Actor) -> None:
    """The server is adopted, and practice.test is an own domain."""
    server.refresh_from_db()
    naming.add_domain(text="practice.test", actor=alice)


def evidence(server: Server) -> Evidence:
    """What the worker finds."""
    watching.senders(server)
    found = who_sends_as_us(server)
    assert found is not None
    return found


def group(server: Server) -> Group:
    """The one group there is."""
    [found] = evidence(server).groups
    return found


def from_us(sender: str = ALICE, **fields: Any) -> None:
    """One accepted message of a stranger with an address of ours."""
    seen(**({"sender": sender} | fields))


def forwarded(sender: str, ago: float = 600) -> None:
    """Sent out from the LAN, and back again by a forwarder."""
    seen(sender=sender, recipient=OUT, ago=ago, **LAN)
    seen(sender=sender, ago=ago - 60, **FORWARDER)


def test_nobody_sends_as_us(client: Client, server: Server) -> None:
    assert evidence(server).groups == ()
    page = client.get("/domains/").content.decode()
    assert "Nobody, since" in page


def test_what_is_trusted_signed_in_or_foreign_is_left_out(server: Server) -> None:
    from_us(**LAN)
    from_us(sasl_username="alice", service="postfix/submission/smtpd", **HOME)
    from_us("bob@example.org", **HOME)
    from_us("", **HOME)
    from_us(ago=40 * DAY, **HOME)
    assert evidence(server).groups == ()


def test_mail_of_a_newsletter_service_is_told_with_its_numbers(server: Server) -> None:
    for name in ("a", "b", "c"):
        from_us("news@practice.test", recipient=f"{name}@practice.test", **NEWS)
    from_us("news@practice.test", ago=10 * DAY, **NEWS)
    found = group(server)
    assert found.guess is Guess.SERVICE and "mail7.mcsv.net" in found.reason
    assert (found.who, found.messages, found.lately) == ("mcsv.net", 4, 3)
    assert (found.recipients, found.senders) == (4, ["news@practice.test"])


@pytest.mark.parametrize(
    "name", ["web12.host.example", "www.shop.example", "vps-7.cloud.example"]
)
def test_a_web_host_is_known_by_its_name(server: Server, name: str) -> None:
    from_us(client_address="198.51.100.7", client_name=name)
    assert group(server).guess is Guess.SERVICE
    assert "contact form" in group(server).reason


def test_one_sender_to_many_is_a_service(server: Server) -> None:
    for number in range(5):
        who = f"{number}@practice.test"
        from_us(recipient=who, client_name="out.crm.example")
    assert group(server).guess is Guess.SERVICE


def test_mail_that_comes_back_is_a_forwarders(server: Server) -> None:
    for sender in (ALICE, CAROL, DAVE):
        forwarded(sender)
    found = group(server)
    assert found.guess is Guess.FORWARDER and "comes back" in found.reason
    assert found.exceptions == ["192.0.2.80"]


def test_mail_that_nobody_had_sent_out_does_not_come_back(server: Server) -> None:
    for sender in (ALICE, CAROL, DAVE):
        from_us(sender, **FORWARDER)
    forwarded(ALICE, ago=2 * DAY)
    assert group(server).guess is Guess.NOBODY


def test_somebody_who_signs_in_elsewhere_looks_like_one_of_ours(server: Server) -> None:
    from_us(sasl_username="alice", service="postfix/submission/smtpd", **NEWS)
    from_us(**HOME)
    assert group(server).guess is Guess.OWN and ALICE in group(server).reason


def test_a_network_from_which_others_sign_in_is_our_own(server: Server) -> None:
    near = HOME | {"client_address": "203.0.113.77"}
    from_us(CAROL, sasl_username="carol", service="postfix/submission/smtpd", **near)
    from_us("scanner@practice.test", **HOME)
    assert group(server).guess is Guess.OWN


@pytest.mark.parametrize(
    "fields",
    [
        {"client_address": "192.168.7.9", "client_name": "unknown"},
        {"client_name": "web.practice.test"},
    ],
)
def test_a_machine_of_ours_is_known(server: Server, fields: dict[str, str]) -> None:
    from_us("scanner@practice.test", **fields)
    assert group(server).guess is Guess.OWN


def test_nothing_speaks_for_a_forger(server: Server) -> None:
    from_us("boss@practice.test", **HOME)
    found = evidence(server)
    assert found.groups[0].guess is Guess.NOBODY
    assert found.forged.messages == 1 and found.warnings == []


def test_sub_domains_are_ours_too(server: Server) -> None:
    from_us("news@mail.practice.test", **NEWS)
    assert group(server).senders == ["news@mail.practice.test"]


def test_clients_without_a_name_are_told_by_network(server: Server) -> None:
    for number in range(6):
        from_us(client_address=f"203.0.113.{number}", client_name="unknown")
    found = group(server)
    assert (found.who, found.exceptions) == ("203.0.113.0/24", ["203.0.113.0/24"])


def test_one_click_excepts_who_was_seen(client: Client, server: Server) -> None:
    from_us("news@practice.test", **NEWS)
    watching.senders(server)
    page = client.get("/domains/").content.decode()
    assert 'name="network" value="198.51.100.7"' in page.split("mcsv.net", 1)[1]
    client.post("/domains/may-send/", {"who": "mcsv.net", "network": "198.51.100.7"})
    assert own_domains().exceptions == ("198.51.100.7",)
    assert Change.objects.latest("pk").reason == "seen sending as us"
    page = client.get("/domains/").content.decode()
    assert 'data-covered="excepted"' in page
    assert 'aria-describedby="as-us-1"' not in page


@pytest.mark.parametrize("bad", ["", "0.0.0.0/0", "a\nb", "mx.example"])
def test_a_click_with_a_bad_value_excepts_nobody(
    client: Client, server: Server, bad: str
) -> None:
    told = {"network": ["198.51.100.7", bad]}
    page = client.post("/domains/may-send/", told, follow=True).content.decode()
    assert "Nothing was changed" in page
    assert own_domains().exceptions == ()


def test_a_relay_in_front_is_covered(server: Server, alice: Actor) -> None:
    from_us("news@practice.test", **NEWS)
    naming.add_relay(text="198.51.100.0/24", actor=alice)
    assert group(server).covered == "comes through a relay in front"
    assert evidence(server).warnings == []


def people(server: Server) -> None:
    """Three networks that look legitimate, and somebody who signs in on port 25."""
    for number in range(7):
        from_us("news@practice.test", recipient=f"{number}@practice.test", **NEWS)
    for sender in (ALICE, CAROL):
        forwarded(sender)
    from_us("scanner@practice.test", client_address="10.7.7.7", client_name="unknown")
    from_us(sasl_username="dave", client_address="203.0.113.50")
    watching.senders(server)


CUT = "10 messages of 4 senders from 3 networks in 7 days would have been refused."


def test_on_is_refused_with_the_numbers_and_confirmed_with_them(
    client: Client, server: Server
) -> None:
    people(server)
    page = client.post("/protection/own_domains/", {"own_domains": "on"}, follow=True)
    assert CUT in page.content.decode()
    confirm = "/protection/own_domains/confirm/"
    page = client.post(confirm, {"confirmed": "own_domains"})
    assert "This field is required" in page.content.decode()
    assert Setting.objects.get(key="own_domains").mode == "off"
    client.post(confirm, {"confirmed": "own_domains", "anyway": "on"})
    assert Setting.objects.get(key="own_domains").mode == "on"


def test_people_who_sign_in_on_port_25_are_named(
    client: Client, server: Server
) -> None:
    people(server)
    said = evidence(server).warnings
    assert said[0] == CUT
    assert said[1].startswith("1 message of 1 sender from 1 network in 7 days came")
    note = client.get("/domains/").content.decode().split("signed in on port 25")[1]
    assert "<code>dave</code>" in note


def test_a_script_needs_the_confirmation_too(server: Server, alice: Actor) -> None:
    people(server)
    with pytest.raises(BadPolicy, match="10 messages of 4 senders"):
        services.set_mode(server=server, key="own_domains", mode="on", actor=alice)
    with pytest.raises(SystemExit) as ended:
        call_command("set", "own_domains=on", "--confirmed")
    assert ended.value.code == 0
    assert Setting.objects.get(key="own_domains").mode == "on"


@pytest.mark.parametrize("mode", ["test", "off"])
def test_only_logging_needs_none(server: Server, alice: Actor, mode: str) -> None:
    people(server)
    services.set_mode(server=server, key="own_domains", mode=mode, actor=alice)


def test_nothing_is_said_against_what_nobody_does(
    client: Client, server: Server
) -> None:
    watching.senders(server)
    page = client.get("/protection/own_domains/confirm/").content.decode()
    assert "names nobody who looks like your own people" in page
    client.post("/protection/own_domains/confirm/", {"confirmed": "own_domains"})
    assert Setting.objects.get(key="own_domains").mode == "on"


def test_where_only_domains_are_kept_no_evidence_is_possible(
    client: Client, server: Server
) -> None:
    people(server)
    Log.objects.update_or_create(server=server, defaults={"domains_only": True})
    assert who_sends_as_us(server) is None
    assert "No evidence is possible" in client.get("/domains/").content.decode()


def test_before_the_first_time_it_is_not_worked_out(
    client: Client, server: Server
) -> None:
    assert "Not worked out yet" in client.get("/domains/").content.decode()


def test_what_was_worked_out_rests_until_there_is_news(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    real = as_us.worked_out

    def told(*args: Any) -> as_us.Seen:
        counted.append(1)
        return real(*args)

    monkeypatch.setattr(as_us, "worked_out", told)
    monkeypatch.setattr(as_us, "REST", 0)
    watching.senders(server)
    watching.senders(server)
    assert len(counted) == 1


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.scripts += tag == "script" and not dict(attrs).get("src")  # type: ignore[call-overload]


def test_what_strangers_sent_is_shown_as_text(client: Client, server: Server) -> None:
    name = '"><script>alert(1)</script>.practice.test'
    from_us(HOSTILE, client_name=name, helo=HOSTILE)
    from_us(HOSTILE, sasl_username="<script>alert(2)</script>", **HOME)
    watching.senders(server)
    for path in ("/domains/", "/protection/own_domains/confirm/"):
        text = client.get(path).content.decode()
        tags = Tags()
        tags.feed(text)
        assert tags.scripts == 0 and "\u202e" not in text


def test_a_row_that_is_completed_later_is_counted_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(as_us, "REST", 0)
    row = seen(**{"sender": None} | NEWS)
    assert evidence(server).groups == ()
    row.sender, row.domain_key = ALICE, key_of("practice.test")
    row.save()
    Log.objects.update_or_create(server=server, defaults={"lines": 7})
    assert group(server).who == "mcsv.net"
