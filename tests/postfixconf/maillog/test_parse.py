"""Lines as Postfix and postgrey write them, and the records they are read as."""

import pytest

from postfixconf.maillog.parse import read
from postfixconf.maillog.records import (
    Accepted,
    Check,
    Client,
    Closed,
    Delivery,
    Foreign,
    Greylisted,
    Known,
    MessageId,
    Opened,
    Probe,
    Queued,
    Record,
    Removed,
    SaslFailed,
    Unknown,
    Verdict,
)
from tests.postfixconf.maillog.lines import CLOCK, line, record, refusal, verdict

SIX = Client("mx.six.example", "2001:db8::25")
TEXT = "550 5.1.1 <bob@practice.test>: Recipient address rejected: Access denied"


@pytest.mark.parametrize(
    ("program", "message", "expected"),
    [
        ("smtpd", "connect from mx.six.example[2001:db8::25]", Opened(SIX)),
        (
            "smtpd",
            "disconnect from unknown[192.0.2.7]:40112 ehlo=1 mail=0/1 commands=1/2",
            Closed(
                "disconnect",
                Client("unknown", "192.0.2.7", "40112"),
                None,
                (("ehlo", 1, 1), ("mail", 0, 1), ("commands", 1, 2)),
            ),
        ),
        (
            "smtpd",
            "lost connection after DATA (0 bytes) from unknown[192.0.2.7]",
            Closed("lost connection", Client("unknown", "192.0.2.7"), "DATA (0 bytes)"),
        ),
        (
            "smtpd",
            "4bNq9Z0Kx1zF4: client=unknown[192.0.2.7], sasl_method=PLAIN,"
            " sasl_username=alice@practice.test",
            Accepted(
                "4bNq9Z0Kx1zF4",
                Client("unknown", "192.0.2.7"),
                "PLAIN",
                "alice@practice.test",
            ),
        ),
        (
            "smtpd",
            "warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: "
            "UGFzc3dvcmQ6, sasl_username=root",
            SaslFailed(Client("unknown", "192.0.2.7"), "LOGIN", "UGFzc3dvcmQ6", "root"),
        ),
        ("cleanup", "4F1A2B3C4D: message-id=<a@b>", MessageId("4F1A2B3C4D", "<a@b>")),
        ("cleanup", "4F1A2B3C4D: reject: body x; y: no", None),
        ("qmgr", "4F1A2B3C4D: removed", Removed("4F1A2B3C4D")),
        (
            "qmgr",
            "4F1A2B3C4D: from=<>, size=2048, nrcpt=3 (queue active)",
            Queued("4F1A2B3C4D", "", 2048, 3),
        ),
        (
            "qmgr",
            "4F1A2B3C4D: from=<a@b>, status=expired, returned to sender",
            Queued("4F1A2B3C4D", "a@b", expired=True),
        ),
        ("pickup", "4F1A2B3C4D: uid=0 from=<root>", Queued("4F1A2B3C4D", "root")),
        ("anvil", "statistics: max cache size 1 at Nov  2 08:00:00", Known),
        ("smtpd", "input attribute name: flags", Unknown("smtpd: input")),
        ("newone", "something", Unknown("newone: no daemon of Postfix")),
    ],
)
def test_a_message_is_read_as_its_record(
    program: str, message: str, expected: Record | type | None
) -> None:
    found = record(message, f"postfix/{program}")
    if expected is None:
        expected = Check("reject", "4F1A2B3C4D", "body", "x; y: no")
    matches = isinstance(found, expected) if isinstance(expected, type) else None
    assert matches or found == expected


@pytest.mark.parametrize(
    ("agent", "status"),
    [
        ("smtp", "sent"),
        ("lmtp", "deferred"),
        ("local", "bounced"),
        ("virtual", "expired"),
        ("pipe", "undeliverable"),
        ("error", "deliverable"),
        ("discard", "sent"),
    ],
)
def test_a_delivery_status_is_read_of_every_agent(agent: str, status: str) -> None:
    found = record(
        "4F1A2B3C4D: to=<bob@x.example>, orig_to=<b@y.example>, relay=h[192.0.2.1]:25,"
        f" conn_use=2, delay=1.5, delays=1/0/0/0.5, dsn=2.0.0, status={status}"
        " (250 ok)",
        f"postfix/{agent}",
    )
    assert found == Delivery(
        *("4F1A2B3C4D", "bob@x.example", "b@y.example", "h[192.0.2.1]:25"),
        *(1.5, "2.0.0", status, "250 ok"),
    )


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "action=greylist, reason=early-retry (12s missing), client_name=unknown, "
            "client_address=192.0.2.7/32, sender=a@b, recipient=bob@practice.test",
            ("greylist", "early-retry", "a@b", 12),
        ),
        (
            "4F1A2B3C4D: action=pass, reason=triplet found, delay=301, client_name=h, "
            "client_address=2001:db8::1, recipient=bob@practice.test",
            ("pass", "triplet found", "", 301),
        ),
    ],
)
def test_a_greylisting_is_read(message: str, expected: tuple[object, ...]) -> None:
    found = record(message, "postgrey")
    assert isinstance(found, Greylisted)
    assert (found.action, found.reason, found.sender, found.seconds) == expected
    assert found.recipient == "bob@practice.test"


@pytest.mark.parametrize(
    "program",
    [
        "postfix/smtpd",
        "postfix/submission/smtpd",
        "postfix-practice/smtpd",
        "postfix-in/submissions/smtpd",
        "mx-out/smtpd",
    ],
)
def test_any_syslog_name_is_postfix(program: str) -> None:
    seen = read(line(refusal(TEXT), program), CLOCK)
    assert isinstance(seen.record, Verdict)
    assert (seen.program, seen.pid, seen.host) == (program, 7, "mx")


@pytest.mark.parametrize("name", ["postfix/mailguard", "postfix-practice/mailguard"])
def test_our_own_probes_are_nobodys_traffic(name: str) -> None:
    assert record(refusal(TEXT), f"{name}/smtpd") == Probe()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"Nov  2 08:01:02 mx dovecot: imap-login: Login: user=<a>, rip=192.0.2.7",
        b"2012-02-13 14:39:22 1RwtJa-000AFB-07 Completed",
        b"Nov  2 08:01:02 mx last message repeated 3 times",
        b"Nov  2 08:01:02 mx evil[1]: postfix/smtpd[2]: NOQUEUE: reject: RCPT from",
        b"\xff\x00 postfix/smtpd[7]: connect from a[192.0.2.7]",
    ],
)
def test_lines_of_others_are_ignored(text: bytes) -> None:
    assert read(text, CLOCK).record == Foreign()


@pytest.mark.parametrize(
    "command",
    "CONNECT HELO EHLO MAIL RCPT DATA END-OF-MESSAGE VRFY ETRN BDAT UNKNOWN".split(),
)
def test_every_command_can_be_refused(command: str) -> None:
    said = refusal(TEXT, command=command, client="h[2001:db8::1]:25", queue_id="4F1A2B")
    seen = verdict(said)
    assert (seen.command, seen.queue_id) == (command, "4F1A2B")
    assert seen.client == Client("h", "2001:db8::1", "25")


@pytest.mark.parametrize(
    "verb",
    "reject reject_warning warn info hold discard filter redirect bcc prepend".split(),
)
def test_every_verb_is_read(verb: str) -> None:
    assert verdict(refusal("<a@b>: Sender address x", verb=verb)).verb == verb


def test_a_refusal_before_any_envelope_has_none() -> None:
    seen = verdict(refusal("554 5.7.1 x", sender=None, recipient=None, helo=None))
    assert (seen.sender, seen.recipient, seen.helo) == (None, None, None)
    assert (seen.code, seen.text, seen.proto) == (554, "x", "ESMTP")


def test_the_sasl_fields_of_3_10_are_read() -> None:
    said = refusal(TEXT) + " sasl_method=PLAIN sasl_username=alice"
    seen = verdict(said)
    assert (seen.sasl_method, seen.sasl_username) == ("PLAIN", "alice")
    assert (seen.helo, seen.recipient) == ("mx.good.example", "bob@practice.test")


def test_postscreen_separates_fields_by_commas() -> None:
    seen = verdict(
        "NOQUEUE: reject: RCPT from [192.0.2.7]:4711: 550 5.7.1 Service unavailable; "
        "client [192.0.2.7] blocked using zen.spamhaus.org; from=<a@b>, to=<c@d>, "
        "proto=ESMTP, helo=<x>",
        "postfix/postscreen",
    )
    assert seen.client == Client("", "192.0.2.7", "4711")
    assert (seen.sender, seen.recipient, seen.helo) == ("a@b", "c@d", "x")


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"#015", b"#012\n"])
def test_the_end_of_a_line_is_no_part_of_it(end: bytes) -> None:
    seen = read(line(refusal(TEXT)) + end, CLOCK).record
    assert isinstance(seen, Verdict)
    assert seen.helo == "mx.good.example"


def test_a_folded_line_says_how_often_it_came() -> None:
    seen = read(line(f"message repeated 3 times: [ {refusal(TEXT)}]"), CLOCK)
    assert seen.times == 3
    assert seen.record == record(refusal(TEXT))


def test_a_truncated_line_keeps_what_is_left() -> None:
    seen = verdict(refusal(TEXT)[:-30])
    assert (seen.code, seen.sender) == (550, "alice@good.example")
    assert seen.reason == "Recipient address rejected: Access denied"


def test_odd_bytes_survive() -> None:
    raw = line(refusal(TEXT, helo="caf\udce9"))
    seen = read(raw, CLOCK).record
    assert isinstance(seen, Verdict)
    assert seen.helo is not None
    assert seen.helo.encode("utf-8", "surrogateescape") == b"caf\xe9"


def test_solaris_tags_are_dropped() -> None:
    seen = record("[ID 197553 mail.info] 4F1A2B3C4D: removed", "postfix/qmgr")
    assert seen == Removed("4F1A2B3C4D")
