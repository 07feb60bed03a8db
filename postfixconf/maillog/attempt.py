"""What an attempt holds, and how a line of the log adds to it."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from postfixconf.maillog.attribution import RECORDER
from postfixconf.maillog.messages import secured
from postfixconf.maillog.records import Client, Delivery, Secured, Verdict

__all__ = [
    "ACCEPTED",
    "LONGEST",
    "PUT_OFF",
    "REFUSED",
    "UNDECIDED",
    "Attempt",
    "Key",
    "Outcome",
]

Key = tuple[str | int | None, ...]
REFUSALS = ("reject", "milter-reject", "proxy-reject")
RECORDED = re.compile(r"mailguard reverse=([^\s;,<>]{1,255})")
LINES = 7  # kept of one attempt, besides that of the last delivery
LONGEST = 2_000  # bytes kept of one line


class Outcome(StrEnum):
    """What became of an attempt; `undecided` where the log ends before."""

    REFUSED = "refused"
    PUT_OFF = "put off"
    ACCEPTED = "accepted"
    UNDECIDED = "undecided"


# Members of an enum are slow to look up (Python 3.11), and this is done for each line.
REFUSED, PUT_OFF = Outcome.REFUSED, Outcome.PUT_OFF
ACCEPTED, UNDECIDED = Outcome.ACCEPTED, Outcome.UNDECIDED


@dataclass(init=False)
class Attempt:
    """One RCPT. `control` is the key of the refusal, `warned` would have refused.

    `command` is the command that was answered; `noted` are the keys of table
    actions that let the message pass (info, warn, hold, …). `reverse_name` is what
    the recorder wrote: the name that the address itself names, `unknown` where it
    names none, None where nothing was recorded. `last` is the time of its last
    line. `encryption` is the message by which smtpd told that the session is
    encrypted, "" where it told nothing; `tls` reads it.

    The lines of an attempt are added to it as they come: who is given one and keeps
    it will see it change.
    """

    key: Key
    at: datetime | None
    host: str
    service: str
    pid: int | None = None
    client: Client | None = None
    helo: str | None = None
    sender: str | None = None
    recipient: str | None = None
    outcome: Outcome = UNDECIDED
    command: str = "RCPT"
    code: int | None = None
    status: str | None = None
    text: str = ""
    control: str | None = None
    warned: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()
    queue_id: str | None = None
    sasl_username: str | None = None
    reverse_name: str | None = None
    message_id: str | None = None
    delivery: Delivery | None = None
    last: datetime | None = None
    lines: tuple[bytes, ...] = ()
    delivery_line: bytes = b""
    encryption: str = field(default="", compare=False)
    told: bool = field(default=False, repr=False, compare=False)

    def __init__(
        self,
        key: Key,
        at: datetime | None,
        host: str,
        service: str,
        pid: int | None = None,
        client: Client | None = None,
        helo: str | None = None,
        sender: str | None = None,
        recipient: str | None = None,
    ) -> None:
        # Most of the rest is never said of an attempt and stays as the class has it:
        # so one is made in half the time, and a log has millions.
        self.key, self.at, self.host, self.service = key, at, host, service
        self.pid, self.client, self.helo = pid, client, helo
        self.sender, self.recipient = sender, recipient

    @property
    def raw(self) -> tuple[bytes, ...]:
        """The lines that made it, as logged: at most eight, each cut at 2,000 bytes.

        They are those of verdicts, `client=`, and the last delivery.
        """
        last = self.delivery_line
        return (*self.lines, last) if last else self.lines

    @property
    def tls(self) -> Secured | None:
        """How the session was encrypted; None where the log does not tell.

        That is so without encryption, and where `smtpd_tls_loglevel` is 0.
        """
        return secured(self.encryption) if self.encryption else None

    def keep(self, raw: bytes) -> None:
        """Keep a line, unless there are enough."""
        if raw and len(self.lines) < LINES:
            self.lines = (*self.lines, raw[:LONGEST])

    def add(
        self, record: Verdict, key: str, at: datetime | None, raw: bytes = b""
    ) -> None:
        """Take in one verdict more, of the control that has the key."""
        self.last = at
        if self.helo is None:
            self.helo = record.helo
        self.queue_id = record.queue_id or self.queue_id
        self.sasl_username = record.sasl_username or self.sasl_username
        self.keep(raw)
        if record.verb == "reject_warning":
            self.warned = _added(self.warned, key)
        elif record.verb in REFUSALS:
            self.refuse(key, record)
        elif key == RECORDER and (recorded := RECORDED.search(record.reason)):
            self.reverse_name = recorded[1]
        else:
            self.noted = _added(self.noted, key)

    def refuse(self, key: str, record: Verdict) -> None:
        """It was refused, or put off, by a control."""
        put_off = str(record.code or record.status)[0] == "4"
        self.outcome = PUT_OFF if put_off else REFUSED
        self.command = record.command
        self.code, self.status, self.text = record.code, record.status, record.text
        self.control = key

    def deliver(self, record: Delivery, at: datetime | None, raw: bytes = b"") -> None:
        """What became of it in the queue."""
        self.delivery, self.last = record, at
        self.delivery_line = raw[:LONGEST]


def _added(keys: tuple[str, ...], key: str) -> tuple[str, ...]:
    return keys if key in keys else (*keys, key)
