"""Who sends, and through which port; and who would be cut off from port 25."""

from collections.abc import Mapping

import pytest
from django.test import Client
from django.utils import timezone

from mailguard.audit.services import Actor
from mailguard.protection import services as protection
from mailguard.sending import user_views
from mailguard.sending.users import still_on_25
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.traffic import people
from mailguard.traffic.intake import log_of
from mailguard.traffic.rows import fit
from postfixconf.errors import BadPolicy
from postfixconf.policy.control import Mode
from postfixconf.policy.policy import Policy
from tests.support.facts import STOCK_MASTER, observed
from tests.support.hostile import MARKS, Page
from tests.support.usages import sent

DAY = 86_400.0
PAGE, OFF = "/sending/users/", "/sending/auth-on-25/"
SUBMISSION = "submission inet n - y - - smtpd\n"
NAMED = SUBMISSION + "  -o syslog_name=postfix/submission\n"
STANDS_IN = "disable_vrfy_command"  # a control that every server has


@pytest.fixture
def seen(db: None) -> Server:
    """A server with the stock services, its log read since now."""
    made = Server.objects.create(name="local", config_dir="/nowhere")
    servers.keep_observed(made, observed("smtpd_tls_loglevel = 1\n"))
    log = log_of(made)
    log.since = log.read_at = timezone.now()
    log.save()
    return made


@pytest.fixture
def switch(server: Server, alice: Actor, monkeypatch: pytest.MonkeyPatch) -> Server:
    """An adopted server on which another control stands in for AUTH on port 25."""
    for module in (people, protection, user_views):
        monkeypatch.setattr(module, "AUTH_ON_25", STANDS_IN)
    protection.set_mode(server=server, key=STANDS_IN, mode="on", actor=alice)
    return server


def shown(client: Client, address: str = PAGE, **query: str) -> str:
    """The text of a page on which nothing of a stranger's acts."""
    response = client.get(address, query)
    assert response.status_code == 200
    page = Page(response.content.decode())
    assert page.faults == []
    return " ".join(page.text.split())


def people_on(client: Client, query: Mapping[str, str], names: str) -> list[str]:
    """Which of these the page shows, in its order."""
    text = shown(client, PAGE, **query)
    _, _, table = text.partition("Recipients")
    return sorted((n for n in names.split() if n in table), key=table.find)


def test_users_on_25_are_named_the_latest_first(seen: Server) -> None:
    sent("anna", ago=3 * DAY)
    sent("bob", ago=2 * DAY)
    sent("bob", address="192.0.2.8", ago=9 * DAY)
    sent("scanner@practice.test", ago=DAY)
    sent("carol", "587")
    sent("dave", ago=31 * DAY)
    sent(address="192.168.1.9")
    still = still_on_25(seen)
    assert still.sentence == (
        "3 users still send through port 25: scanner@practice.test, bob and anna."
    )
    assert [each.count for each in still.people] == [1, 2, 1]
    assert not still.nameless


def test_one_and_many_are_said_as_such(seen: Server) -> None:
    sent("anna")
    assert still_on_25(seen).sentence == "1 user still sends through port 25: anna."
    for number in range(20):
        sent(f"user{number:02}", ago=100 + number)
    assert still_on_25(seen).sentence == (
        "21 users still send through port 25: anna, user00, user01, user02, user03,"
        " user04, user05, user06 and 13 more."
    )


def test_without_names_in_the_log_nobody_is_said_to_be_on_25(
    seen: Server, client: Client
) -> None:
    servers.keep_observed(seen, observed("", STOCK_MASTER + SUBMISSION))
    sent("anna", "")
    still = still_on_25(seen)
    assert still.nameless
    assert not still.certain
    assert still.sentence.startswith(
        "1 user sends through a port that the log does not"
    )
    text = shown(client)
    assert "Port unknown" in text
    assert "no syslog_name of its own" in text
    assert "Nobody has signed in" not in text


def test_somebody_seen_on_25_is_not_named_twice(seen: Server) -> None:
    sent("anna", "", ago=DAY)
    sent("anna", "25", ago=2 * DAY)
    assert [(each.name, each.certain) for each in still_on_25(seen).people] == [
        ("anna", True)
    ]


def test_the_page_shows_each_port_with_its_people(seen: Server, client: Client) -> None:
    sent("anna", "25", times=1234)
    sent("bob", "587", address="2001:db8::7", name="unknown", tls="TLSv1.2", ago=7200)
    sent(address="192.168.1.9", name="printer.lan.example", tls="")
    text = shown(client)
    assert "Port 25, where other servers deliver" in text
    assert text.index("anna user") < text.index("Port 587 Who")
    assert "printer.lan.example device" in text
    assert "192.168.1.9 printer.lan.example none 1" in text
    assert "2 hours ago 2001:db8::7 TLSv1.2 1" in text
    assert "1,234" in text
    assert "1 user still sends through port 25: anna." in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "bob anna 192.168.1.9 carol"),
        ({"sort": "name"}, "192.168.1.9 anna bob carol"),
        ({"sort": "count"}, "anna bob 192.168.1.9 carol"),
        ({"text": "ann"}, "anna"),
        ({"text": "192.168"}, "192.168.1.9"),
        ({"text": "office"}, "carol"),
        ({"port": "587"}, "carol"),
        ({"what": "device"}, "192.168.1.9"),
        ({"what": "user", "port": "25"}, "bob anna"),
        ({"what": "nonsense", "sort": "x"}, "bob anna 192.168.1.9 carol"),
        ({"port": "unknown"}, ""),
    ],
)
def test_a_search_finds(
    seen: Server, client: Client, query: dict[str, str], expected: str
) -> None:
    sent("anna", ago=200, times=9)
    sent("bob", ago=100, times=5)
    sent(address="192.168.1.9", name="unknown", ago=300)
    sent("carol", "587", name="office.example", times=99)
    found = people_on(client, query, "anna bob carol 192.168.1.9")
    assert found == expected.split()


def test_pages_follow_one_another(seen: Server, client: Client) -> None:
    for number in range(120):
        sent(f"user{number:03}x", "587", ago=number)
    names = " ".join(f"user{number:03}x" for number in range(120))
    pages = [people_on(client, {"page": page}, names) for page in "123"]
    assert [len(each) for each in pages] == [50, 50, 20]
    assert [*pages[0], *pages[1], *pages[2]] == names.split()


def test_encryption_that_is_not_logged_is_said_so(seen: Server, client: Client) -> None:
    sent("anna", tls="")
    assert "dsl7.isp.example none 1" in shown(client)
    servers.keep_observed(seen, observed("smtpd_tls_security_level = may\n"))
    text = shown(client)
    assert "dsl7.isp.example not logged 1" in text
    assert "Encryption is not logged on port 25: smtpd_tls_loglevel is 0" in text
    insists = STOCK_MASTER + NAMED + "  -o smtpd_tls_security_level=encrypt\n"
    servers.keep_observed(seen, observed("", insists))
    sent("bob", "587", tls="")
    assert "yes: the port insists" in shown(client)


def test_relays_in_front_are_no_devices(seen: Server, client: Client) -> None:
    seen.live_policy = Policy(relays=("192.168.1.0/24",)).as_json()
    seen.save()
    sent(address="192.168.1.9", name="mx2.example")
    sent("anna", address="192.168.1.9")
    text = shown(client)
    assert "mx2.example device" not in text
    assert "anna" in text


@pytest.mark.parametrize("mark", [each[:255] for each in MARKS])
def test_hostile_names_are_shown_as_text(
    seen: Server, client: Client, mark: str
) -> None:
    name = fit(mark, 255)
    sent(name, name=name)
    sent(address="192.168.1.9", name=name)
    shown(client)
    shown(client, "/")
    shown(client, PAGE, text=name)
    assert len(still_on_25(seen).people[0].name) <= 60


@pytest.mark.parametrize("page", ["0", "-1", "x", "999999999999999999999", "\0"])
def test_odd_addresses_show_a_page(seen: Server, client: Client, page: str) -> None:
    sent("anna")
    shown(client, PAGE, page=page, text="\0\ud800".encode(errors="replace").decode())


def test_where_only_domains_are_kept_nobody_is_named(
    seen: Server, client: Client
) -> None:
    sent("@practice.test", address="192.0.2.1")
    sent("@", address="192.0.2.2", ago=90)
    text = shown(client)
    assert "somebody at practice.test" in text
    assert "somebody whose name is not kept" in text


def test_an_empty_page_says_what_to_do(client: Client, db: None) -> None:
    assert "The mail log has not been read yet" in shown(client)
    log = log_of(servers.local())
    log.since = log.read_at = timezone.now()
    log.save()
    assert "nobody has signed in here" in shown(client)
    assert "Nobody found" in shown(client, PAGE, text="x")
    log.trouble = "it is a <mg-directory>"
    log.save()
    assert "The mail log cannot be read" in shown(client)


def test_the_dashboard_says_who_still_uses_25(seen: Server, client: Client) -> None:
    assert "still send" not in shown(client, "/")
    sent("anna")
    sent("bob", ago=90)
    assert "2 users still send through port 25: anna and bob." in shown(client, "/")


def test_the_switch_stays_behind_a_page_that_names_them(
    switch: Server, client: Client, alice: Actor
) -> None:
    sent("anna", ago=2 * DAY)
    sent("bob<mg-x>", ago=DAY)
    text = shown(client, OFF)
    assert "2 users will be unable to send until they change" in text
    assert text.index("bob<mg-x>, last seen 1 day ago") < text.index(
        "anna, last seen 2"
    )
    with pytest.raises(BadPolicy, match=r"2 users still send through port 2525: bob"):
        protection.set_mode(server=switch, key=STANDS_IN, mode="off", actor=alice)
    response = client.post(OFF)
    assert "Nothing was changed: tick this box" in response.content.decode()
    assert mode() is Mode.ON
    response = client.post(OFF, {"told": "on"})
    assert (response.status_code, response["Location"]) == (302, "/sending/")
    assert mode() is Mode.OFF
    assert "It is off already" in shown(client, OFF)


def test_who_may_be_on_25_is_named_too(switch: Server, client: Client) -> None:
    sent("anna", "")
    text = shown(client, OFF)
    assert "anna, last seen" in text
    assert "through a port that the log does not tell" in text


def test_where_nobody_is_cut_off_no_box_is_to_be_ticked(
    switch: Server, client: Client, alice: Actor
) -> None:
    sent("carol", "587")
    assert "carol" not in shown(client, OFF)
    assert client.post(OFF).status_code == 302
    assert mode() is Mode.OFF


def test_the_page_offers_the_switch_where_it_is_on(
    switch: Server, client: Client
) -> None:
    sent("anna")
    assert "Switch signing in on port 2525 off" in shown(client)


def test_without_such_a_control_there_is_no_page(seen: Server, client: Client) -> None:
    there = any(row.control.key == people.AUTH_ON_25 for row in protection.rows(seen))
    assert client.get(OFF).status_code == (200 if there else 404)


def mode() -> Mode:
    """What is wanted of the control."""
    return protection.wanted().modes[STANDS_IN]
