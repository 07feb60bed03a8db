"""Lines for tests: a head, and smtpd's refusal as log_whatsup writes it."""

from datetime import UTC, datetime

from postfixconf.maillog.clock import Clock
from postfixconf.maillog.parse import read
from postfixconf.maillog.records import Record, Verdict

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CLOCK = Clock(NOW)


def line(message: str, program: str = "postfix/smtpd", pid: int = 7) -> bytes:
    """A line of a program."""
    text = f"Nov  2 08:01:02 mx {program}[{pid}]: {message}"
    return text.encode("utf-8", "surrogateescape")


def record(message: str, program: str = "postfix/smtpd") -> Record:
    """What a message is read as."""
    return read(line(message, program), CLOCK).record


def verdict(message: str, program: str = "postfix/smtpd") -> Verdict:
    """A message that is a verdict."""
    found = record(message, program)
    assert isinstance(found, Verdict), found
    return found


def refusal(
    text: str,
    *,
    verb: str = "reject",
    command: str = "RCPT",
    client: str = "mx.good.example[192.0.2.7]",
    sender: str | None = "alice@good.example",
    recipient: str | None = "bob@practice.test",
    helo: str | None = "mx.good.example",
    queue_id: str = "NOQUEUE",
) -> str:
    """The message that smtpd writes."""
    said = f"{queue_id}: {verb}: {command} from {client}: {text};"
    said += "" if sender is None else f" from=<{sender}>"
    said += "" if recipient is None else f" to=<{recipient}>"
    return said + " proto=ESMTP" + ("" if helo is None else f" helo=<{helo}>")
