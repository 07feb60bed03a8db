"""What a log line says, as plain values.

Text is what Postfix logged; a field that the line does not have is None (a
`sender` of "" is the null sender). Nothing in a `sender`, `recipient`, `helo`,
`text` or `username` may be shown raw: strangers write them.
"""

from datetime import datetime
from typing import NamedTuple

__all__ = [
    "Accepted",
    "Check",
    "Client",
    "Closed",
    "Delivery",
    "Foreign",
    "Greylisted",
    "Known",
    "MessageId",
    "Opened",
    "Probe",
    "Queued",
    "Record",
    "Removed",
    "SaslFailed",
    "Secured",
    "Seen",
    "Unknown",
    "Verdict",
]


class Client(NamedTuple):
    """`name[address]:port`; the name is `unknown`, or "" in postscreen's lines."""

    name: str
    address: str
    port: str | None = None


class Verdict(NamedTuple):
    """What smtpd or postscreen decided about one command.

    `verb` is as logged: reject, reject_warning, warn, info, hold, discard, filter,
    redirect, bcc, prepend, permit, milter-reject, … `text` stands between code and
    envelope; `subject` is what a stranger wrote at its beginning (`<subject>: `),
    `reason` is the rest of it, in the words of Postfix, a table or a service.
    """

    verb: str
    queue_id: str | None
    command: str
    client: Client | None
    code: int | None = None
    status: str | None = None
    text: str = ""
    reason: str = ""
    subject: str | None = None
    sender: str | None = None
    recipient: str | None = None
    proto: str | None = None
    helo: str | None = None
    sasl_method: str | None = None
    sasl_username: str | None = None
    sasl_sender: str | None = None


class Accepted(NamedTuple):
    """`queue-id: client=…`: smtpd has accepted a first recipient.

    `orig_queue_id` is what a content filter says the message was before it.
    """

    queue_id: str
    client: Client
    sasl_method: str | None = None
    sasl_username: str | None = None
    sasl_sender: str | None = None
    orig_queue_id: str | None = None


class MessageId(NamedTuple):
    """cleanup has seen the message."""

    queue_id: str
    message_id: str


class Queued(NamedTuple):
    """A message in the queue: from qmgr with its size, from pickup without."""

    queue_id: str
    sender: str
    size: int | None = None
    nrcpt: int | None = None
    expired: bool = False


class Removed(NamedTuple):
    """The message has left the queue."""

    queue_id: str


class Delivery(NamedTuple):
    """The outcome of one delivery attempt to one recipient.

    `status` is sent, deferred, bounced, expired, undeliverable, deliverable, …;
    `delay` is in seconds.
    """

    queue_id: str
    recipient: str
    orig_to: str | None
    relay: str | None
    delay: float | None
    dsn: str | None
    status: str
    text: str


class Check(NamedTuple):
    """cleanup's header or body check, or a milter at the end of the message.

    It names no client: what stands before it on the line is the message's own
    text. The queue id leads to the client.
    """

    verb: str
    queue_id: str
    place: str
    text: str


class Opened(NamedTuple):
    """A client has connected."""

    client: Client


class Closed(NamedTuple):
    """The end of a session, or what ended it.

    `how` is disconnect, lost connection, timeout, too many errors or improper
    command pipelining; `counters` are the last line's (`rcpt=0/1` is (0, 1)).
    """

    how: str
    client: Client
    after: str | None = None
    counters: tuple[tuple[str, int, int], ...] = ()


class SaslFailed(NamedTuple):
    """Somebody could not sign in."""

    client: Client
    method: str
    reason: str
    username: str | None = None


class Secured(NamedTuple):
    """A client's session is encrypted from here on.

    `protocol` is as logged (`TLSv1.3`); `certificate` says what became of the
    client's: Anonymous (it has none), Untrusted, Trusted or Verified. `message` is
    the whole of it.
    """

    client: Client
    protocol: str
    cipher: str
    certificate: str
    message: str


class Greylisted(NamedTuple):
    """What postgrey answered; `seconds` is the delay, or what was missing."""

    action: str
    reason: str
    client: Client
    sender: str
    recipient: str | None
    seconds: int | None = None


class Known(NamedTuple):
    """A line Postfix is known to write that tells nothing about a message."""

    kind: str


class Unknown(NamedTuple):
    """A line of Postfix that is not understood: its program and first word."""

    kind: str


class Foreign(NamedTuple):
    """A line of another program, or none of syslog's."""


class Probe(NamedTuple):
    """A line of our own probe service: left out of every count."""


Record = (
    Verdict
    | Accepted
    | MessageId
    | Queued
    | Removed
    | Delivery
    | Check
    | Opened
    | Closed
    | SaslFailed
    | Secured
    | Greylisted
    | Known
    | Unknown
    | Foreign
    | Probe
)


class Seen(NamedTuple):
    """A record, and where and when it was logged; `program` is the whole service."""

    record: Record
    at: datetime | None = None
    host: str = ""
    program: str = ""
    pid: int | None = None
    times: int = 1
