"""How an envelope goes through the lists, told by Postfix; and where it would go."""

from collections.abc import Iterator

import pytest

from postfixconf.errors import Unproven
from postfixconf.host.rehearsal.resolving import goes_out, is_sent_out
from postfixconf.host.rehearsal.running import Rehearsal, rehearsing
from postfixconf.host.rehearsal.trace import Outcome, Step, trace
from postfixconf.policy.probes import Probe, Verdict
from tests.support.dns import Dns
from tests.support.practice import Practice, serving
from tests.support.rehearsed import candidate_of

MAIN = """
mydestination = mail.practice.test
local_recipient_maps =
relay_domains = relay.example
default_transport = smtp:[127.0.0.1]:9
strict = reject_non_fqdn_sender
smtpd_restriction_classes = careful, never
careful = $strict, reject_unknown_sender_domain
never = reject
smtpd_sender_restrictions =
    check_client_access inline:{192.0.2.7=careful, 192.0.2.8=DISCARD, 192.0.2.9=HOLD,
        192.0.2.11=DEFER_IF_PERMIT},
    warn_if_reject ${strict}
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
"""
MASTER = """
587 inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_sender_restrictions=
  -o { smtpd_recipient_restrictions = permit_sasl_authenticated, reject }
"""
SHORT = "root@web1"
TO = "bob@practice.test"


@pytest.fixture(scope="module")
def running(dns: Dns) -> Iterator[Rehearsal]:
    with serving() as server:
        candidate = candidate_of(server, MAIN, MASTER)
        with rehearsing(candidate, traced=True) as found:
            yield found


def way(running: Rehearsal, where: str, **said: str) -> list[tuple[str, str]]:
    """What the rules of one list did about an envelope."""
    usual = {"client_address": "192.0.2.66", "helo": "mx.example", "recipient": TO}
    steps = trace(running, Probe(**(usual | {"sender": "a@good.example"} | said)))  # type: ignore[arg-type]
    return [(step.rule, step.outcome.name) for step in steps if step.where == where]


SENDERS = "smtpd_sender_restrictions"
LOOKUP = (
    "check_client_access inline:{192.0.2.7=careful, 192.0.2.8=DISCARD,"
    " 192.0.2.9=HOLD, 192.0.2.11=DEFER_IF_PERMIT}"
)
WARN = "warn_if_reject reject_non_fqdn_sender"
RECIPIENTS = "smtpd_recipient_restrictions"


def test_a_warning_does_not_end_a_list(running: Rehearsal) -> None:
    assert way(running, SENDERS, sender=SHORT) == [(LOOKUP, "PASSED"), (WARN, "WARNED")]


def test_a_class_is_gone_through_where_a_table_names_it(running: Rehearsal) -> None:
    strict = "reject_non_fqdn_sender"
    found = way(running, "careful", sender=SHORT, client_address="192.0.2.7")
    assert found == [
        (strict, "REFUSED"),
        ("reject_unknown_sender_domain", "NOT_REACHED"),
    ]
    asked = way(running, SENDERS, sender=SHORT, client_address="192.0.2.7")
    assert asked == [(LOOKUP, "WENT_ON"), (WARN, "NOT_REACHED")]
    assert way(running, "careful", sender=SHORT) == []
    passed = way(running, "careful", client_address="192.0.2.7")
    assert passed == [(strict, "PASSED"), ("reject_unknown_sender_domain", "PASSED")]


def test_what_waits_for_the_others_is_told_behind_them(running: Rehearsal) -> None:
    probe = Probe("192.0.2.11", "mx.example", "a@good.example", TO)
    *before, last = trace(running, probe)
    assert (last.where, last.outcome) == ("after the last list", Outcome.DEFERRED)
    said = "<unknown[192.0.2.11]>: Client host rejected: Service unavailable"
    assert last.text == said
    assert Outcome.REFUSED not in {each.outcome for each in before}


def test_what_a_table_does_besides_is_told(running: Rehearsal) -> None:
    addresses = ("192.0.2.8", "192.0.2.9", "192.0.2.10")
    probes = [Probe(x, "mx.example", "a@good.example", TO) for x in addresses * 9]
    found = running.ask(probes)
    assert [each.acts for each in found] == [("discard",), ("hold",), ()] * 9
    assert [each.lost for each in found] == [True, False, False] * 9
    assert {each.verdict for each in found} == {Verdict.ACCEPT}


def test_a_permit_ends_its_list_only(running: Rehearsal) -> None:
    steps = way(running, RECIPIENTS, client_address="127.0.0.1")
    assert steps == [
        ("permit_mynetworks", "PERMITTED"),
        ("reject_unauth_destination", "NOT_REACHED"),
    ]


def test_a_service_has_the_lists_of_its_overrides(running: Rehearsal) -> None:
    stranger = way(running, RECIPIENTS, service="587")
    assert stranger == [("permit_sasl_authenticated", "PASSED"), ("reject", "REFUSED")]
    signed = way(running, RECIPIENTS, service="587", sasl_username="alice")
    assert signed[0] == ("permit_sasl_authenticated", "PERMITTED")
    assert way(running, SENDERS, service="587", sender=SHORT) == []


def test_nobody_signs_in_where_it_is_not_offered(running: Rehearsal) -> None:
    probe = Probe("192.0.2.66", "mx.example", "a@b.example", TO, sasl_username="alice")
    [answer] = running.ask([probe])
    assert (answer.code, answer.control) == (503, "auth")
    assert "AUTH is not offered here" in answer.text
    assert {each.outcome for each in trace(running, probe)} == {Outcome.NOT_REACHED}


def test_the_words_of_postfix_stand_beside_a_refusal(running: Rehearsal) -> None:
    probe = Probe("192.0.2.7", "mx.example", SHORT, TO)
    [refused] = [x for x in trace(running, probe) if x.outcome is Outcome.REFUSED]
    assert "need fully-qualified address" in refused.text
    assert isinstance(refused, Step)


def test_a_trace_changes_no_verdict(running: Rehearsal, dns: Dns) -> None:
    probes = [
        Probe(address, "mx.example", sender, to)
        for address in ("192.0.2.66", "192.0.2.7", "127.0.0.1")
        for sender in (SHORT, "a@good.example", "")
        for to in (TO, "x@elsewhere.example", "postmaster")
    ]
    with serving(2526) as server, rehearsing(candidate_of(server, MAIN)) as plain:
        expected = [(x.code, x.text, x.control, x.warned) for x in plain.ask(probes)]
    found = [(x.code, x.text, x.control, x.warned) for x in running.ask(probes)]
    assert found == expected


@pytest.mark.parametrize(
    ("address", "out"),
    [
        ("bob@practice.test", False),
        ("x@mail.practice.test", False),
        ("postmaster", False),
        ("a@relay.example", False),
        ("x@elsewhere.example", True),
        ("x%elsewhere.example@practice.test", False),
        ("x%elsewhere.example@mail.practice.test", True),
        ("x%elsewhere.example@relay.example", True),
        ("@mail.practice.test:x@elsewhere.example", True),
        ("elsewhere.example!x@mail.practice.test", True),
        ("x@[192.0.2.1]", True),
        ("müller@practice.test", False),
    ],
)
def test_where_a_message_would_go_is_known(
    running: Rehearsal, address: str, out: bool
) -> None:
    assert goes_out(running.queue, address) is out


def test_whether_mail_is_sent_out_at_all_is_known(
    running: Rehearsal, practice_sends_nothing: Rehearsal
) -> None:
    assert is_sent_out(running.queue, "x@elsewhere.example")
    assert not is_sent_out(practice_sends_nothing.queue, "x@elsewhere.example")


@pytest.fixture
def practice_sends_nothing(shared_practice: Practice) -> Iterator[Rehearsal]:
    with rehearsing(candidate_of(shared_practice)) as found:
        yield found


def test_a_rewriting_service_that_is_not_there_is_said(running: Rehearsal) -> None:
    with pytest.raises(Unproven, match="trivial-rewrite does not answer"):
        goes_out(running.queue / "nowhere", "x@y.example")
