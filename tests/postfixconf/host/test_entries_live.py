"""Entries and own domains on a real Postfix: who gets in, who does not."""

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest

from postfixconf.host.apply import Applied
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Switch
from postfixconf.policy.entries import DENY, Entry, Lookup
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.plan import Action
from tests.support import sasl
from tests.support.conversations import GOOD, SETTINGS, TO, all_at_once
from tests.support.dns import Dns
from tests.support.practice import Practice, serving
from tests.support.smtp import smtp
from tests.support.waiting import eventually

EVERYTHING = {
    each.key: "on"
    for each in CONTROLS
    if not isinstance(each.place, Switch) and not each.sends
}
EVERY_SETTING = {**SETTINGS, **sasl.SETTINGS, "recipient_delimiter": "+"}
OWN = OwnDomains(("practice.test",), ("127.0.0.128/25", "127.0.0.20"))
ALICE = "alice@practice.test"
HONEST = {"src": "127.0.0.10", "helo": "mx.good.example"}
# No name, a short greeting, a sender whose domain does not exist: refused thrice.
ODD = {"src": "127.0.0.66", "helo": "laptop"}
ODD_SENDER = "a.b+c@norelay.invalid"


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    """One practice server; each apply starts from the adopted files."""
    with sasl.serving(), serving(settings=EVERY_SETTING) as practice:
        yield practice


@pytest.fixture
def practice(dns: Dns) -> Iterator[Practice]:
    """A practice server of this test's own, beside the module's."""
    with serving(2526) as practice:
        yield practice


def entries(*lines: str) -> list[Entry]:
    """`allow client 192.0.2.1` as entries."""
    return [Entry.read(*line.split(" ")) for line in lines]


def go_live(
    server: Practice, modes: dict[str, str], *lines: str, own: OwnDomains | None = None
) -> None:
    """Bring controls, entries and own domains live."""
    made = server.plan(modes, entries(*lines), own or OwnDomains())
    assert isinstance(server.apply(made), Applied)


def test_nobody_expects_the_odd_client_to_get_in(server: Practice) -> None:
    go_live(server, EVERYTHING)
    assert "Greylisted" in server.attempt(GOOD, TO, **HONEST).text
    assert not server.attempt(ODD_SENDER, TO, **ODD).ok
    assert not server.attempt(GOOD, TO, src="127.0.0.66", helo="mx.good.example").ok
    assert not server.attempt(GOOD, TO, src="127.0.0.10", helo="laptop").ok
    assert not server.attempt(ODD_SENDER, TO, **HONEST).ok


@pytest.mark.parametrize(
    "line",
    [
        "allow client 127.0.0.66",
        "allow client 127.0.0.64/30",
        "allow sender A.B+C@norelay.INVALID",
        "allow sender a.b@norelay.invalid",
        "allow sender a.b@",
        "allow sender_domain norelay.invalid",
        "allow helo Laptop",
    ],
)
def test_an_allow_entry_passes_every_control(server: Practice, line: str) -> None:
    go_live(server, EVERYTHING, line)
    assert server.attempt(ODD_SENDER, TO, **ODD).ok


def test_an_allowed_client_name_passes_every_control(server: Practice) -> None:
    go_live(server, EVERYTHING, "allow client_name .good.example")
    assert server.attempt(ODD_SENDER, TO, src="127.0.0.10", helo="laptop").ok
    assert not server.attempt(ODD_SENDER, TO, **ODD).ok


def test_a_client_name_that_does_not_lead_back_is_no_name(server: Practice) -> None:
    go_live(server, {}, "deny client_name liar.example")
    assert server.attempt(GOOD, TO, src="127.0.0.20").ok


def test_an_allowed_client_may_be_on_the_blocklist(server: Practice) -> None:
    go_live(server, EVERYTHING, "allow client 127.0.0.2")
    assert server.attempt(GOOD, TO, src="127.0.0.2", helo="mx.good.example").ok


def test_an_allowed_client_may_talk_ahead(server: Practice) -> None:
    go_live(server, EVERYTHING, "allow client 127.0.0.10")
    with server.smtp(**HONEST) as client:
        assert all_at_once(client)


def test_two_recipients_hide_an_allow_entry_from_the_data_list(
    server: Practice,
) -> None:
    # smtpd names no recipient at DATA where there are several, and without one
    # permit_auth_destination permits nothing (smtpd_check.c): a limit, not a wish.
    go_live(server, EVERYTHING, "allow client 127.0.0.10")
    rcpt = f"RCPT TO:<{TO}>\r\n"
    with server.smtp(**HONEST) as client:
        client.raw(f"MAIL FROM:<{GOOD}>\r\n{rcpt}{rcpt}DATA\r\n".encode())
        assert [client.read().code for _ in range(4)] == [250, 250, 250, 503]


@pytest.mark.parametrize(
    "line",
    [
        "deny client 127.0.0.10",
        "deny client 127.0.0.0/28",
        "deny client_name mx.good.example",
        "deny client_name good.example",
        "deny sender alice@good.example",
        "deny sender alice@",
        "deny sender_domain good.example",
        "deny helo mx.good.example",
        "deny helo good.example",
    ],
)
def test_a_deny_entry_refuses_with_no_control_on(server: Practice, line: str) -> None:
    go_live(server, {}, line)
    reply = server.attempt(GOOD, TO, **HONEST)
    assert (reply.code, reply.enhanced) == (554, "5.7.1")
    assert "Access denied" in reply.text
    assert server.attempt("carol@other.example", TO, src="127.0.0.66").ok


@pytest.mark.parametrize(
    ("lines", "passes"),
    [
        ("deny client 127.0.0.0/8, allow client 127.0.0.10", True),
        ("allow client 127.0.0.0/8, deny client 127.0.0.10", False),
        ("deny client 127.0.0.0/8, allow client 127.0.0.0/28", True),
        ("allow client 127.0.0.0/8, deny client 127.0.0.0/28", False),
        ("deny client 127.0.0.10, allow client_name mx.good.example", True),
        ("deny client_name good.example, allow client_name mx.good.example", True),
        ("deny sender_domain good.example, allow sender alice@good.example", True),
        ("deny sender alice@, allow sender_domain good.example", True),
        ("allow sender alice@, deny sender_domain good.example", False),
        ("deny sender alice@good.example, allow client 127.0.0.10", True),
        ("allow sender alice@good.example, deny client 127.0.0.10", False),
        ("deny helo mx.good.example, allow sender_domain good.example", True),
        ("allow helo mx.good.example, deny sender_domain good.example", False),
    ],
)
def test_the_most_specific_entry_decides(
    server: Practice, lines: str, passes: bool
) -> None:
    go_live(server, EVERYTHING, *lines.split(", "))
    assert server.attempt(GOOD, TO, **HONEST).ok is passes


def test_no_allow_entry_lets_anybody_relay(server: Practice) -> None:
    lines = ("allow client 127.0.0.66", "allow sender a.b@", "allow helo laptop")
    go_live(server, {}, *lines)
    reply = server.attempt(ODD_SENDER, "victim@elsewhere.example", **ODD)
    assert "Relay access denied" in reply.text


def test_an_outsider_with_our_domain_reads_why(server: Practice) -> None:
    go_live(server, {"own_domains": "on"}, own=replace(OWN, reply="Port 587, please"))
    reply = server.attempt(ALICE, TO, **HONEST)
    assert (reply.code, reply.enhanced) == (554, "5.7.1")
    assert "Client host rejected: Port 587, please" in reply.text
    assert not server.attempt("alice@sub.practice.test", TO, **HONEST).ok


@pytest.mark.parametrize(
    ("sender", "src"),
    [
        (ALICE, "127.0.0.1"),
        (ALICE, "127.0.0.200"),
        (ALICE, "127.0.0.20"),
        ("", "127.0.0.66"),
        (GOOD, "127.0.0.66"),
        ("alice@notpractice.test", "127.0.0.66"),
    ],
    ids=["LAN", "network", "address", "bounce", "foreign", "similar"],
)
def test_the_own_domain_stop_lets_others_through(
    server: Practice, sender: str, src: str
) -> None:
    go_live(server, {"own_domains": "on"}, own=OWN)
    assert server.attempt(sender, TO, src=src).ok


def test_an_exception_lifts_the_own_domain_stop_alone(server: Practice) -> None:
    go_live(server, EVERYTHING, own=OWN)
    assert not server.attempt(ALICE, TO, src="127.0.0.20", helo="laptop").ok


def test_somebody_who_signed_in_may_use_our_domain(server: Practice) -> None:
    go_live(server, EVERYTHING, own=OWN)
    token = base64.b64encode(b"\0alice\0secret").decode()
    with smtp(port=server.port, src="127.0.0.66", helo=None) as client:
        client.ehlo("laptop")
        assert client.command(f"AUTH PLAIN {token}").ok
        assert client.mail(ALICE).ok
        assert client.rcpt(TO).ok


def test_an_allowed_client_passes_the_own_domain_stop(server: Practice) -> None:
    go_live(server, EVERYTHING, "allow client 127.0.0.66", own=OWN)
    assert server.attempt(ALICE, TO, **ODD).ok


def test_an_allowed_greeting_does_not_open_our_domain(server: Practice) -> None:
    go_live(server, EVERYTHING, "allow helo laptop", own=OWN)
    assert not server.attempt(ALICE, TO, **ODD).ok


def test_own_domains_in_test_mode_warn_and_refuse_nothing(server: Practice) -> None:
    go_live(server, {"own_domains": "test"}, own=OWN)
    mark = server.instance.log.mark()
    assert server.attempt(ALICE, TO, **HONEST).ok
    eventually(lambda: "reject_warning: RCPT from mx.good" in server.log(mark))
    ours = [x for x in server.log(mark).splitlines() if "postfix/mailguard" not in x]
    assert not any(" reject: " in line for line in ours)


def test_one_entry_among_many_needs_no_restart(practice: Practice) -> None:
    many = [f"deny sender_domain spam{number}.example" for number in range(2000)]
    go_live(practice, {}, *many)
    pid = practice.instance.master_pid()
    assert practice.attempt(GOOD, TO, **HONEST).ok
    wanted = entries(*many, "deny sender_domain good.example")
    made = practice.plan({}, wanted)
    [table] = [each for each in made.tables if each.path == Lookup.ACCESS]
    table = replace(table, edits=(("good.example", DENY),))
    outcome = practice.apply(replace(made, tables=(table,)))
    assert (made.action, isinstance(outcome, Applied)) == (Action.NONE, True)
    assert not practice.attempt(GOOD, TO, **HONEST).ok
    assert practice.instance.master_pid() == pid


def test_a_hand_written_line_goes_on_deciding(practice: Practice) -> None:
    path = practice.instance.config_dir / "access"
    go_live(practice, {}, "deny sender_domain spam.example")
    path.write_text("boss@spam.example OK\n" + path.read_text())
    go_live(practice, {}, "deny sender_domain spam.example")
    assert practice.attempt("boss@spam.example", TO, **HONEST).ok
    assert not practice.attempt("other@spam.example", TO, **HONEST).ok
