"""Relays in front on a real Postfix: what their mail passes, and what it never does."""

import base64
from collections.abc import Iterator

import pytest

from postfixconf.host.apply import Applied
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Switch
from postfixconf.policy.entries import Entry
from postfixconf.policy.own_domains import OwnDomains
from tests.support import sasl
from tests.support.conversations import GOOD, SETTINGS, TO
from tests.support.dns import Dns
from tests.support.practice import Practice, serving
from tests.support.smtp import smtp
from tests.support.waiting import eventually

EVERYTHING = {
    each.key: "on"
    for each in CONTROLS
    if not isinstance(each.place, Switch) and not each.sends
}
OWN = OwnDomains(("practice.test",))
# Nameless, greets with a short name: refused by whatever looks at the client.
RELAY = "127.0.0.66"
THROUGH = {"src": RELAY, "helo": "filter"}
ALICE = "alice@practice.test"
PERMITS = "permit_mynetworks, permit_sasl_authenticated"
GREYLISTING = "check_policy_service inet:127.0.0.1:1"  # nobody is there: 451


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    """One practice server; each apply starts from the adopted files."""
    with serving(settings=SETTINGS) as practice:
        yield practice


def go_live(
    server: Practice, modes: dict[str, str], *lines: str, relays: str = RELAY
) -> None:
    """Bring controls, entries, our domain and relays in front live."""
    entries = [Entry.read(*line.split()) for line in lines]
    made = server.plan(modes, entries, OWN, relays=tuple(relays.split()))
    outcome = server.apply(made)
    assert isinstance(outcome, Applied), outcome


def test_without_an_entry_the_relay_is_refused(server: Practice) -> None:
    go_live(server, EVERYTHING, relays="")
    assert not server.attempt(GOOD, TO, **THROUGH).ok


@pytest.mark.parametrize(
    "relays", [RELAY, "127.0.0.64/30", "10.1.0.0/16 127.0.0.66 ::1"]
)
def test_mail_through_a_relay_passes_what_looks_at_the_client(
    server: Practice, relays: str
) -> None:
    go_live(server, EVERYTHING, relays=relays)
    assert server.attempt(GOOD, TO, **THROUGH).ok
    assert not server.attempt(GOOD, TO, src="127.0.0.68", helo="filter").ok


def test_a_relay_on_a_blocklist_passes(server: Practice) -> None:
    go_live(server, EVERYTHING, relays="127.0.0.2")
    assert server.attempt(GOOD, TO, src="127.0.0.2", helo="mx.good.example").ok


def test_our_domain_comes_back_through_a_relay(server: Practice) -> None:
    go_live(server, EVERYTHING)
    assert server.attempt(ALICE, TO, **THROUGH).ok
    assert server.attempt("", TO, **THROUGH).ok
    assert not server.attempt(ALICE, TO, src="127.0.0.10", helo="mx.good.example").ok


@pytest.mark.parametrize(
    ("sender", "to", "said"),
    [
        ("root@web1", TO, "need fully-qualified address"),
        ("a@norelay.invalid", TO, "Domain not found"),
        ("a@listed.example", TO, "blocked using dbl.spamhaus.org"),
        (GOOD, "info@localhost", "need fully-qualified address"),
        (GOOD, "a@gone.invalid", "Domain not found"),
    ],
)
def test_the_addresses_are_judged_through_a_relay_too(
    server: Practice, sender: str, to: str, said: str
) -> None:
    go_live(server, EVERYTHING)
    assert said in server.attempt(sender, to, **THROUGH).text


@pytest.mark.parametrize("sender", [GOOD, ALICE, ""])
def test_a_relay_may_not_relay(server: Practice, sender: str) -> None:
    go_live(server, {"reject_non_fqdn_sender": "on", "own_domains": "on"})
    refused = server.attempt(sender, "victim@elsewhere.example", **THROUGH)
    assert "Relay access denied" in refused.text
    go_live(server, EVERYTHING)
    assert not server.attempt(sender, "victim@elsewhere.example", **THROUGH).ok


def test_only_logging_only_logs_through_a_relay_too(server: Practice) -> None:
    go_live(server, EVERYTHING | {"reject_unknown_sender_domain": "test"})
    mark = server.instance.log.mark()
    assert server.attempt("a@norelay.invalid", TO, **THROUGH).ok
    eventually(lambda: "reject_warning" in server.log(mark))
    assert server.log(mark).count("reject_warning") == 1


def test_a_denied_sender_stays_denied_and_a_denied_network_does_not_count(
    server: Practice,
) -> None:
    lines = ("deny sender alice@good.example", "deny client 127.0.0.64/26")
    go_live(server, {}, *lines, "deny helo filter")
    assert server.attempt(GOOD, TO, **THROUGH).code == 554
    assert server.attempt("carol@good.example", TO, **THROUGH).ok
    assert not server.attempt("carol@good.example", TO, src="127.0.0.67").ok


def test_an_allowed_sender_passes_what_judges_it_through_a_relay(
    server: Practice,
) -> None:
    go_live(server, EVERYTHING, "allow sender a@norelay.invalid")
    assert server.attempt("a@norelay.invalid", TO, **THROUGH).ok
    assert not server.attempt("a@norelay.invalid", "x@far.example", **THROUGH).ok


def test_a_relay_does_not_wait_for_greylisting_behind_our_rules(dns: Dns) -> None:
    rules = f"{PERMITS}, reject_unauth_destination, {GREYLISTING}"
    lists = {"smtpd_recipient_restrictions": rules}
    with serving(2526, SETTINGS | lists) as server:
        go_live(server, {"reject_non_fqdn_sender": "on"})
        assert server.attempt(GOOD, TO, src="127.0.0.10").code == 451
        assert server.attempt(GOOD, TO, **THROUGH).ok
        assert server.attempt("root@web1", TO, **THROUGH).code == 504


def test_a_hand_written_table_of_recipients_is_asked_and_opens_nothing(
    dns: Dns,
) -> None:
    answers = "{closed@practice.test=REJECT},{x@far.test=OK}"
    table = f"check_recipient_access inline:{{{answers}}}"
    lists = {
        "smtpd_relay_restrictions": "",
        "smtpd_recipient_restrictions": "reject_non_fqdn_helo_hostname, "
        f"{PERMITS}, check_client_access static:DUNNO, {table}, "
        "reject_unauth_destination",
    }
    with serving(2526, SETTINGS | lists) as server:
        # Left alone in the list, the table would let anybody write to x@far.test.
        made = server.plan({"reject_non_fqdn_sender": "on"}, relays=(RELAY,))
        assert isinstance(server.apply(made), Applied), made
        assert server.attempt(GOOD, TO, **THROUGH).ok
        assert not server.attempt(GOOD, "closed@practice.test", **THROUGH).ok
        assert "Relay access" in server.attempt(GOOD, "x@far.test", **THROUGH).text


def test_the_last_relay_gone_gives_the_bytes_back(dns: Dns) -> None:
    with serving(2526, SETTINGS) as server:
        go_live(server, {"reject_non_fqdn_sender": "on"})
        assert "mailguard_relays_recipient" in server.observed().texts.main
        go_live(server, {}, relays="")
        assert server.observed().texts.main == server.adopted.main
        assert server.works_for_strangers()


def test_one_more_relay_needs_no_new_main_cf(server: Practice) -> None:
    go_live(server, EVERYTHING, relays="127.0.0.2")
    assert not server.attempt(GOOD, TO, **THROUGH).ok
    before = server.observed().texts
    go_live(server, EVERYTHING, relays=f"127.0.0.2 {RELAY}")
    assert server.observed().texts == before
    assert server.attempt(GOOD, TO, **THROUGH).ok


def test_a_relay_that_is_trusted_as_well_may_send_out(dns: Dns) -> None:
    trusted = {"mynetworks": f"127.0.0.1/32 {RELAY}/32"}
    with serving(2526, SETTINGS | trusted) as server:
        go_live(server, EVERYTHING)
        said = server.attempt(ALICE, "x@elsewhere.example", **THROUGH).text
        assert "the practice server sends nothing to the outside" in said


@pytest.fixture(scope="module")
def guarded(dns: Dns) -> Iterator[Practice]:
    """Our domain is stopped, with a newsletter, a forwarder and a relay in front."""
    with sasl.serving(), serving(2527, SETTINGS | dict(sasl.SETTINGS)) as server:
        own = OwnDomains(("practice.test",), ("127.0.0.20", "127.0.0.10"))
        made = server.plan({"own_domains": "on"}, own=own, relays=("127.0.0.45",))
        assert isinstance(server.apply(made), Applied)
        yield server


@pytest.mark.parametrize(
    ("sender", "src", "accepted"),
    [
        (ALICE, "127.0.0.66", False),
        ("alice@mail.practice.test", "127.0.0.66", False),
        (ALICE, "127.0.0.1", True),
        (ALICE, "127.0.0.20", True),
        (ALICE, "127.0.0.10", True),
        ("", "127.0.0.66", True),
        (GOOD, "127.0.0.66", True),
        (ALICE, "127.0.0.45", True),
    ],
    ids=[
        "outsider",
        "outsider below",
        "LAN",
        "newsletter",
        "forwarder",
        "bounce",
        "stranger",
        "relay in front",
    ],
)
def test_who_may_send_as_us(
    guarded: Practice, sender: str, src: str, accepted: bool
) -> None:
    assert guarded.attempt(sender, TO, src=src).ok is accepted


def test_who_signed_in_may_send_as_us_and_who_did_not_may_not(
    guarded: Practice,
) -> None:
    token = base64.b64encode(b"\0alice\0secret").decode()
    with smtp(port=guarded.port, src="127.0.0.66", helo=None) as client:
        client.ehlo("laptop.example")
        assert client.mail(ALICE).ok and client.rcpt(TO).code == 554
        client.rset()
        assert client.command(f"AUTH PLAIN {token}").ok
        assert client.mail(ALICE).ok and client.rcpt(TO).ok
