"""From a recorded attempt to an envelope to try again, and only to a true one."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailguard.traffic.envelopes import (
    DECIDED,
    PASSED,
    known,
    lacking,
    latest_domains,
    probe_of,
    recorded,
    sender_domain,
)
from mailguard.traffic.models import Attempt
from mailguard.traffic.rows import row_of
from postfixconf.maillog.attempts import Attempts
from postfixconf.maillog.clock import Clock
from postfixconf.maillog.parse import read
from postfixconf.policy.probes import Probe
from tests.support.hostile import MARKS
from tests.support.logged import line
from tests.support.traffic import PLAIN, seen

WHOLE = Probe(
    client_address="192.0.2.7",
    client_name="mx1.example.org",
    helo="mx1.example.org",
    sender="bob@example.org",
    recipient="alice@practice.test",
)


def attempt(**fields: Any) -> Attempt:
    """An attempt that is in no database."""
    return Attempt(**(PLAIN | {"at": 0, "key": 1} | fields))


def test_a_whole_envelope_is_taken_as_it_was() -> None:
    assert probe_of(attempt()) == WHOLE
    assert lacking(attempt()) == []


def test_an_unknown_name_is_none() -> None:
    probe = probe_of(attempt(client_name="unknown"))
    assert probe is not None
    assert (probe.client_name, probe.reverse_client_name) == ("", None)


@pytest.mark.parametrize(
    ("recorded", "reverse"),
    [("", None), ("unknown", ""), ("host-7.example", "host-7.example")],
)
def test_the_reverse_name_is_what_the_recorder_wrote(
    recorded: str, reverse: str | None
) -> None:
    probe = probe_of(attempt(client_name="unknown", reverse_name=recorded))
    assert probe is not None
    assert (probe.client_name, probe.reverse_client_name) == ("", reverse)


@pytest.mark.parametrize(
    ("logged", "service"),
    [
        ("postfix/smtpd", ""),
        ("postfix-in/smtpd", ""),
        ("postfix/submission/smtpd", "submission"),
        ("postfix-in/submissions/smtpd", "submissions"),
    ],
)
def test_the_service_is_what_it_logs_as(logged: str, service: str) -> None:
    probe = probe_of(attempt(service=logged, sasl_username="unknown"))
    assert probe is not None
    assert (probe.service, probe.sasl_username) == (service, "unknown")


def test_an_ipv6_client_and_a_bounce_are_envelopes_too() -> None:
    probe = probe_of(attempt(client_address="2001:db8::7", sender=""))
    assert probe is not None
    assert (probe.client_address, probe.sender) == ("2001:db8::7", "")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"helo": ""}, "the greeting"),
        ({"sender": None}, "the sender"),
        ({"sender": "@example.org"}, "the sender"),
        ({"recipient": None}, "the recipient"),
        ({"recipient": "@practice.test"}, "the recipient"),
        ({"client_address": ""}, "the client's address"),
        ({"service": "postfix/postscreen"}, "which smtpd answered"),
        ({"service": ""}, "which smtpd answered"),
        ({"sender": ("x" * 2048)[:320]}, "the sender as it was sent"),
        ({"helo": "h" * 255}, "the greeting as it was sent"),
        ({"helo": "a\\xffb"}, "the greeting as it was sent"),
    ],
)
def test_what_is_not_whole_is_no_envelope(fields: dict[str, Any], words: str) -> None:
    row = attempt(**fields)
    assert probe_of(row) is None
    assert lacking(row) == [words]


def test_what_is_known_of_the_rest_is_kept() -> None:
    told = known(attempt(helo="", recipient="@practice.test"))
    assert told["sender"] == "bob@example.org"
    assert not told.get("helo")
    assert "recipient" not in told


def test_what_the_recorder_wrote_of_accepted_mail_is_a_whole_envelope() -> None:
    program, client = "postfix/submission/smtpd", "unknown[2001:db8::7]"
    end = "from=<bob@example.org> to=<alice@practice.test> proto=ESMTP helo=<[::1]>"
    recorded = f"<{client}>: mailguard reverse=host-7.example; {end}"
    log = [
        line(f"NOQUEUE: info: RCPT from {client}: {recorded}", program),
        line(f"4F1A2B3C4D: client={client}, sasl_username=anna", program),
    ]
    merged, clock = Attempts(), Clock(datetime.now(UTC))
    told = [each for raw in log for each in merged.feed(read(raw, clock), raw)]
    values = row_of(1, told[-1])._asdict()
    del values["reply"]
    assert probe_of(Attempt(**values)) == Probe(
        client_address="2001:db8::7",
        reverse_client_name="host-7.example",
        helo="[::1]",
        sender="bob@example.org",
        recipient="alice@practice.test",
        sasl_username="anna",
        service="submission",
    )


@pytest.mark.parametrize("address", ["unknown", "192.0.2.256", "<mg>"])
def test_a_client_that_is_no_address_is_no_envelope(address: str) -> None:
    assert probe_of(attempt(client_address=address)) is None


TEXT = st.sampled_from(MARKS) | st.text(max_size=400)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(sender=TEXT, helo=TEXT, name=TEXT, service=TEXT)
def test_whatever_strangers_wrote_becomes_nothing_else(
    sender: str, helo: str, name: str, service: str
) -> None:
    row = attempt(
        sender=sender[:320], helo=helo[:255], client_name=name[:255], service=service
    )
    probe = probe_of(row)
    if probe is not None:
        assert (probe.sender, probe.helo) == (row.sender, row.helo)
        assert probe.client_name in (row.client_name, "")


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("bob@example.org", "example.org"),
        ("@example.org", "example.org"),
        ("", ""),
        (None, ""),
        ("root", ""),
        ("x" * 310 + "@example.org", ""),
    ],
)
def test_a_domain_is_named_where_all_of_it_is_known(
    sender: str | None, domain: str
) -> None:
    assert sender_domain(attempt(sender=sender and sender[:320])) == domain


def senders(*domains: str, fitting: Any = PASSED) -> list[str]:
    """The senders of the recorded envelopes of these domains."""
    return [each.sender for each in recorded(domains, fitting)]


def test_envelopes_are_told_once_and_the_newest_first(db: None) -> None:
    for ago, name in ((30, "a"), (20, "b"), (10, "a"), (5, "c")):
        seen(ago, sender=f"{name}@example.org")
    assert senders("example.org") == [f"{each}@example.org" for each in "cab"]


def test_several_domains_stand_in_one_order(db: None) -> None:
    for ago, domain in ((30, "a.example"), (20, "b.example"), (10, "a.example")):
        seen(ago, sender=f"s{ago}@{domain}")
    told = ["s10@a.example", "s20@b.example", "s30@a.example"]
    assert senders("a.example", "b.example") == told


def test_what_got_through_is_told_from_what_was_decided(db: None) -> None:
    seen(50, sender="warned@example.org", warned="helo")
    seen(40, sender="refused@example.org", outcome="refused", control="helo")
    seen(30, sender="late@example.org", outcome="put off", control="greylisting")
    seen(20, sender="open@example.org", outcome="undecided")
    content = {"outcome": "refused", "control": "milter", "command": "END-OF-MESSAGE"}
    seen(10, sender="content@example.org", **content)
    assert senders("example.org") == ["warned@example.org"]
    told = ["late@example.org", "refused@example.org", "warned@example.org"]
    assert senders("example.org", fitting=DECIDED) == told


def test_other_domains_and_half_envelopes_are_left_out(db: None) -> None:
    seen(sender="bob@myexample.org")
    seen(sender="bob@sub.example.org")
    seen(helo="")
    seen(sender="")
    assert senders("example.org") == []


def test_the_latest_domains_are_named_once(db: None) -> None:
    for ago, sender in ((9, "a@Old.example"), (8, "b@new.example"), (7, ""), (6, None)):
        seen(ago, sender=sender)
    seen(5, sender="c@new.example")
    assert latest_domains() == ["new.example", "old.example"]
