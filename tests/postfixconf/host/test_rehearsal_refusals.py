"""What an apply refuses after its rehearsal, with the live server left alone.

Most of it `postfix check` finds nothing wrong with.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from postfixconf.host.apply import Applied, Outcome, Refused
from postfixconf.host.apply_journal import Journal, Step
from postfixconf.host.rehearsal.safety import Demands, rehearse
from postfixconf.policy.probes import Expect, Probe
from tests.support.dns import Dns
from tests.support.practice import Practice, Tried, serving
from tests.support.rehearsed import candidate_of, checked, untouched

# A server that sends for its own people; nothing in these tests is ever sent.
SENDS = {
    "mydestination": "mail.practice.test",
    "local_recipient_maps": "",
    "default_transport": "smtp:[127.0.0.1]:9",
    "relay_transport": "smtp:[127.0.0.1]:9",
}
PORT = 2526  # the other server of a test has 2525: Postfix shares a port
LISTS = ("client", "sender", "recipient", "data", "end_of_data")
WORLD = {("*.world.example", "A"): ["127.0.0.2"]}
OPEN = "open relay"


@dataclass(frozen=True)
class Bad:
    """Lines of main.cf, what the refusal says of them, and of `postfix check`."""

    lines: str
    said: str
    found_by_check: bool = False


def after_permits(name: str, rules: str) -> str:
    """A list whose rules no trusted client meets."""
    protection = "reject_unauth_destination, " if name == "recipient" else ""
    return f"smtpd_{name}_restrictions = permit_mynetworks, {protection}{rules}\n"


BAD = {
    **{
        f"a misspelling in the {name} list": Bad(
            after_permits(name, "reject_nonsense"), '"reject_nonsense"'
        )
        for name in LISTS
    },
    "a missing map": Bad(
        after_permits("client", "check_client_access hash:/nowhere/table"),
        "/nowhere/table",
    ),
    "a missing text map": Bad(
        after_permits("sender", "check_sender_access texthash:/nowhere/table"),
        "/nowhere/table",
    ),
    "a missing policy socket": Bad(
        after_permits("recipient", "check_policy_service unix:private/nobody"),
        "The policy service unix:private/nobody does not answer",
    ),
    "a missing policy port": Bad(
        after_permits("recipient", "check_policy_service inet:127.0.0.1:10999"),
        "The policy service inet:127.0.0.1:10999 does not answer",
    ),
    "a value that kills the daemons": Bad(
        "message_size_limit = 52428800 # 50MB\n", "message_size_limit", True
    ),
    "a zone that lists the world": Bad(
        after_permits("recipient", "reject_rbl_client world.example"),
        "blocked using world.example",
    ),
    "relay protection that only warns": Bad(
        "smtpd_relay_restrictions = permit_mynetworks, "
        "warn_if_reject reject_unauth_destination\n",
        "specify at least one working instance of",
    ),
    "relay protection that only warns, and some that is never reached": Bad(
        "smtpd_relay_restrictions = permit_mynetworks, "
        "warn_if_reject reject_unauth_destination, check_helo_access static:OK, "
        "reject\n",
        OPEN,
    ),
    "a permit before relay protection": Bad(
        "smtpd_relay_restrictions = permit_mynetworks, "
        "check_helo_access static:OK, reject_unauth_destination\n",
        OPEN,
    ),
    "a permit in the recipient list alone": Bad(
        "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = "
        "check_client_access static:OK, reject_unauth_destination\n",
        OPEN,
    ),
    "a relay through a server behind": Bad(
        "relay_domains = relay.example\nallow_untrusted_routing = yes\n"
        "smtpd_relay_restrictions = permit_mynetworks, "
        "check_recipient_access inline:{relay.example=OK}, "
        "reject_unauth_destination\n",
        "<user%elsewhere.invalid@relay.example>",
    ),
    "a relay for who claims to be of ours": Bad(
        "smtpd_relay_restrictions = permit_mynetworks, "
        "check_sender_access inline:{mail.practice.test=OK}, "
        "reject_unauth_destination\n",
        "from <postmaster@mail.practice.test>",
    ),
    "a relay for who greets as we do": Bad(
        "smtpd_relay_restrictions = permit_mynetworks, "
        "check_helo_access inline:{mail.practice.test=OK}, "
        "reject_unauth_destination\n",
        OPEN,
    ),
    "the whole world in mynetworks": Bad("mynetworks = 0.0.0.0/0\n", OPEN),
}


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    with dns.answering(WORLD), serving(PORT, SENDS) as practice:
        yield practice


def tried(server: Practice, lines: str, demands: Demands | None = None) -> Outcome:
    """Apply lines that are past the linter."""
    made = server.candidate(Tried(lines))
    return server.apply(made, demands=demands or Demands())


@pytest.mark.parametrize("name", BAD)
def test_is_refused_and_nothing_live_is_touched(server: Practice, name: str) -> None:
    bad = BAD[name]
    made = server.candidate(Tried(bad.lines))
    with untouched(server):
        outcome = server.apply(made)
    assert isinstance(outcome, Refused)
    assert bad.said in outcome.cause
    assert outcome.cause.endswith("Nothing was changed: this was the rehearsal.")
    assert (checked(made, server) != 0) is bad.found_by_check


def test_a_permit_for_own_recipients_opens_nothing(server: Practice) -> None:
    lines = (
        "smtpd_relay_restrictions = permit_mynetworks, "
        "check_recipient_access inline:{mail.practice.test=OK practice.test=OK}, "
        "reject_unauth_destination\n"
    )
    assert not rehearse(candidate_of(server, lines), candidate_of(server)).refusals()


def test_a_fault_of_before_is_a_note(dns: Dns) -> None:
    policy = after_permits("recipient", "check_policy_service inet:127.0.0.1:10999")
    name, _, value = policy.strip().partition(" = ")
    said: list[str] = []

    def watch(steps: tuple[Step, ...]) -> None:
        said[:] = [each.said for each in steps if each.name == "rehearse"]

    with serving(settings={name: value}) as server:
        outcome = server.apply(
            server.plan({"disable_vrfy_command": "on"}), Journal(watch)
        )
    assert isinstance(outcome, Applied)
    assert "The policy service inet:127.0.0.1:10999 does not answer" in said[0]


def test_a_misspelling_of_before_is_a_note(server: Practice) -> None:
    wrong = candidate_of(server, after_permits("sender", "reject_nonsense"))
    report = rehearse(wrong, wrong)
    assert not report.refusals()
    assert any("Server configuration error" in note for note in report.notes)


def test_a_main_cf_that_never_worked_is_a_note(server: Practice) -> None:
    wrong = candidate_of(server, "message_size_limit = 5 # MB\n")
    report = rehearse(wrong, wrong)
    assert not report.refusals()
    assert "message_size_limit" in report.notes[0]


def test_an_open_relay_of_before_refuses_all_the_same(server: Practice) -> None:
    relay = candidate_of(server, BAD["the whole world in mynetworks"].lines)
    assert OPEN in rehearse(relay, relay).refusals()[0]


SHORT = Probe(
    "127.0.0.10",
    "laptop",
    "alice@good.example",
    "bob@practice.test",
    "mx.good.example",
    expect=Expect.ACCEPT,
)
STRICT = after_permits("recipient", "reject_non_fqdn_helo_hostname")


def test_a_pin_that_would_flip_refuses(server: Practice) -> None:
    with untouched(server):
        outcome = tried(server, STRICT, Demands(pins=(SHORT,)))
    assert isinstance(outcome, Refused)
    assert "<alice@good.example> to <bob@practice.test> must always" in outcome.cause
    assert "by reject_non_fqdn_helo_hostname" in outcome.cause


def test_a_pin_of_somebody_who_must_never_get_through(server: Practice) -> None:
    never = Probe(
        "192.0.2.9",
        "h.example",
        "a@b.example",
        "info@relay.example",
        expect=Expect.REFUSE,
    )
    outcome = tried(server, "relay_domains = relay.example\n", Demands(pins=(never,)))
    assert isinstance(outcome, Refused)
    assert "must never get through would not hold: “250 " in outcome.cause


def test_a_pin_that_is_overridden_does_not_refuse(practice: Practice) -> None:
    demands = Demands(pins=(SHORT,), overridden=True)
    assert isinstance(tried(practice, STRICT, demands), Applied)
    assert practice.attempt(SHORT.sender, SHORT.recipient, helo="laptop").code == 504


def test_an_override_does_not_open_the_relay(server: Practice) -> None:
    lines = BAD["a permit before relay protection"].lines
    outcome = tried(server, lines, Demands(pins=(SHORT,), overridden=True))
    assert isinstance(outcome, Refused)
    assert OPEN in outcome.cause


def test_a_pin_unmet_before_and_after_does_not_refuse(server: Practice) -> None:
    unmet = Probe("127.0.0.10", "x", "", "a@relay.example", expect=Expect.ACCEPT)
    current = candidate_of(server)
    report = rehearse(candidate_of(server, "biff = yes\n"), current, [unmet])
    assert not report.refusals()
    assert [each.probe for each in report.unmet] == [unmet]
    assert "1 pins not met, as before" in report.said


def test_what_was_rehearsed_before_is_not_rehearsed_again(practice: Practice) -> None:
    said: list[str] = []

    def watch(steps: tuple[Step, ...]) -> None:
        said[:] = [each.said for each in steps if each.name == "rehearse"]

    made = practice.plan({"disable_vrfy_command": "on"})
    demands = Demands(pins=(SHORT,), passed="seen at 12:03")
    assert isinstance(practice.apply(made, Journal(watch), demands), Applied)
    assert said == ["seen at 12:03"]


def test_a_pin_of_a_service_that_is_not_there_hides_nothing(
    practice: Practice,
) -> None:
    pin = Probe("192.0.2.7", "mx.example", "", "bob@practice.test", service="nowhere")
    made = practice.candidate(Tried("smtpd_client_restrictions = reject_nonsense\n"))
    outcome = practice.apply(made, demands=Demands((pin,)))
    assert isinstance(outcome, Refused)
    assert "reject_nonsense" in outcome.cause
