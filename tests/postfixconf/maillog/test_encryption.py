"""Whether a session was encrypted, as smtpd says it at smtpd_tls_loglevel = 1."""

import re
from collections.abc import Callable

import pytest

from postfixconf.maillog.attempt import Attempt
from postfixconf.maillog.attempts import Attempts
from postfixconf.maillog.intake import Intake
from postfixconf.maillog.lines import split
from postfixconf.maillog.parse import read
from postfixconf.maillog.records import Known, Secured
from tests.postfixconf.maillog.lines import CLOCK, record
from tests.support.corpus import corpus
from tests.support.logged import line
from tests.support.people import HOME, SUBMISSION, message, secured

Lines = list[bytes]
Reading = Callable[[Lines], list[Attempt]]


def by_block(lines: Lines) -> list[Attempt]:
    """The attempts of these lines, read as one block."""
    intake = Intake(CLOCK)
    return [*intake.feed(b"".join(lines)).attempts, *intake.flush()]


def by_line(lines: Lines) -> list[Attempt]:
    """The same, line by line."""
    attempts, found = Attempts(), {}
    for each in lines:
        for attempt in attempts.feed(read(each, CLOCK), each):
            found[attempt.key] = attempt
    return [*found.values(), *attempts.flush()]


BOTH = pytest.mark.parametrize("attempts_of", [by_block, by_line])


@pytest.mark.parametrize(
    ("text", "protocol", "certificate"),
    [
        (secured(), "TLSv1.3", "Anonymous"),
        (
            "Trusted TLS connection established from a.example[2001:db8::7]: TLSv1.2"
            " with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)",
            *("TLSv1.2", "Trusted"),
        ),
        (
            "Untrusted TLS connection reused from unknown[192.0.2.7] to mx.example:"
            " TLSv1 with cipher AES128-SHA (128/128 bits)",
            *("TLSv1", "Untrusted"),
        ),
    ],
)
def test_the_line_is_read(text: str, protocol: str, certificate: str) -> None:
    found = record(text)
    assert isinstance(found, Secured)
    assert (found.protocol, found.certificate) == (protocol, certificate)


@pytest.mark.parametrize("protocol", ["<b>", "TLSv1.3\x1b[31m", "", "TLSv" + "1" * 99])
def test_what_is_no_protocol_is_no_encryption(protocol: str) -> None:
    assert isinstance(record(secured(protocol=protocol)), Known)
    [found] = by_block([*message(1, "anna", tls=protocol or "x")])
    assert found.tls is None


@BOTH
def test_it_holds_for_every_recipient_of_its_session(
    attempts_of: Reading,
) -> None:
    lines = [*message(1, "anna", program=SUBMISSION, tls="TLSv1.2", recipients=3)]
    found = attempts_of(lines)
    assert len(found) == 3
    assert {each.sasl_username for each in found} == {"anna"}
    assert {each.tls and each.tls.protocol for each in found} == {"TLSv1.2"}


@BOTH
def test_the_next_session_of_a_process_is_not_encrypted(
    attempts_of: Reading,
) -> None:
    lines = [*message(1, "anna", tls="TLSv1.3"), *message(2, "bob")]
    told = {each.sasl_username: each.tls for each in attempts_of(lines)}
    assert told["anna"]
    assert told["bob"] is None


@BOTH
def test_another_process_is_not_encrypted(
    attempts_of: Reading,
) -> None:
    lines = [line(secured(), pid=8), *message(1, "anna")]
    assert [each.tls for each in attempts_of(lines)] == [None]


@BOTH
def test_with_the_recorder_a_second_recipient_is_the_users_too(
    attempts_of: Reading,
) -> None:
    first, *rest = message(1, "anna", tls="TLSv1.3", recipients=2)
    seen = "{}: info: RCPT from {}: <{}>: Unverified Client host triggers INFO"
    names = ("NOQUEUE", "r0"), ("0000000002", "r1")
    said = [
        line(
            seen.format(name, HOME, HOME) + " mailguard reverse=unknown;"
            f" from=<a@practice.test> to=<{to}@far.example> proto=ESMTP helo=<x>"
        )
        for name, to in names
    ]
    lines = [first, rest[0], said[0], rest[1], said[1], *rest[2:]]
    found = {each.recipient: each for each in attempts_of(lines)}
    assert {each.sasl_username for each in found.values()} == {"anna"}
    assert all(each.tls for each in found.values())


@BOTH
def test_a_service_may_have_another_name_than_its_instance(
    attempts_of: Reading,
) -> None:
    lines = [*message(1, "anna", program=SUBMISSION, tls="TLSv1.3", recipients=2)]
    lines = [
        each if b"/submission/" in each else each.replace(b" postfix/", b" postfix-in/")
        for each in lines
    ]
    found = {each.key: each for each in attempts_of(lines)}
    assert len(found) == 2
    assert {each.sasl_username for each in found.values()} == {"anna"}
    assert all(each.delivery and each.tls for each in found.values())


def test_every_such_line_of_the_real_logs_is_read() -> None:
    lines = [
        each
        for path in corpus("logs")
        for each in path.read_bytes().splitlines()
        if re.search(rb"smtpd\[\d+\]: \w+ TLS connection \w+ from ", each)
    ]
    found = [read(each, CLOCK).record for each in lines if split(each)]
    assert len(found) >= 0.9 * len(lines)
    assert {type(each) for each in found} <= {Secured}
