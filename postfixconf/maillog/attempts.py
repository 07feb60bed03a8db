"""One attempt is one RCPT: its lines merged, the verdict, what it would have been.

    attempts = Attempts()
    for line in log:
        for attempt in attempts.feed(read(line, clock)):
            store(attempt.key, attempt)

Lines of one smtpd process about the same client, sender and recipient are one
attempt, up to a refusal or to anything else the process does; a refusal of DATA
joins the recipient it names. An attempt is handed out when it is decided, and again
with the same `key` when its message is delivered, put off or bounced: the later one
replaces the earlier.

Memory is bounded: of the sessions and messages not heard of for longest the state
is dropped, what was open is handed out first. An outcome of a message whose
beginning was not seen (or is forgotten) comes with no client, only with the key
under which the beginning was handed out.

What this does not handle: a recipient that an alias turned into several is one
attempt, and the last outcome stands; mail that a local program sent is no attempt.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from postfixconf.maillog.attempt import Attempt, Key, Outcome, with_line
from postfixconf.maillog.attribution import attribute
from postfixconf.maillog.records import (
    Accepted,
    Check,
    Client,
    Closed,
    Delivery,
    MessageId,
    Opened,
    Queued,
    Removed,
    Seen,
    Verdict,
)
from postfixconf.maillog.tally import LATER, TWICE

__all__ = ["Attempts"]

Process = tuple[str, str, int | None]
Name = tuple[str, str, str]
SESSIONS = 10_000
MESSAGES = 50_000
STOPPING = ("reject", "milter-reject", "discard", "milter-discard")


@dataclass
class Message:
    """What is known of a message in the queue."""

    client: Client | None = None
    sender: str | None = None
    sasl_username: str | None = None
    message_id: str | None = None
    local: bool = False
    at: datetime | None = None
    service: str = ""
    attempts: dict[str | None, Attempt] = field(default_factory=dict)


@dataclass
class Session:
    """What one smtpd process is doing."""

    open: Attempt | None = None
    times: dict[str, datetime | None] = field(default_factory=dict)
    queue_id: str | None = None
    accepted: bool = False
    second: str | None = None
    alike: dict[Key, int] = field(default_factory=dict)

    def is_over(self, record: Verdict, key: str, at: datetime | None) -> bool:
        """Whether a verdict belongs to another RCPT than the open attempt."""
        known = self.open
        if known is None:
            return True
        if (known.client, known.sender, known.recipient) != (
            *(record.client, record.sender, record.recipient),
        ):
            return True
        if self.accepted and record.command not in LATER:
            return True
        before = self.times.get(key, at)
        if before is None or at is None:
            return before is not at
        gap = at.replace(microsecond=0) - before.replace(microsecond=0)
        return not 0 <= gap.total_seconds() <= TWICE


class Attempts:
    """Merges records, fed in the order of the log, into attempts."""

    def __init__(
        self,
        key_of: Callable[[Verdict | Check], str] = lambda record: attribute(record).key,
        *,
        sessions: int = SESSIONS,
        messages: int = MESSAGES,
    ) -> None:
        self._key_of = key_of
        self._most = (sessions, messages)
        self._sessions: dict[Process, Session] = {}
        self._messages: dict[Name, Message] = {}

    def feed(self, seen: Seen) -> list[Attempt]:
        """The attempts that this record decides."""
        return [each for _ in range(seen.times) for each in self._feed(seen)]

    def settle(self, before: datetime) -> list[Attempt]:
        """Hand out what is open and has had no line since `before`."""
        idle = [
            process
            for process, session in self._sessions.items()
            if session.open and session.open.last and session.open.last < before
        ]
        return [each for process in idle for each in self._end(process)]

    def flush(self) -> list[Attempt]:
        """Hand out everything that is open: the log has ended."""
        return [each for process in [*self._sessions] for each in self._end(process)]

    def _feed(self, seen: Seen) -> Iterator[Attempt]:
        match seen.record:
            case Verdict():
                yield from self._verdict(seen, seen.record)
            case Accepted():
                yield from self._accepted(seen, seen.record)
            case Opened() | Closed():
                yield from self._parted(_process(seen))
            case Queued() | MessageId():
                self._learn(seen, seen.record)
            case Delivery():
                yield from self._delivered(seen, seen.record)
            case Check() if seen.record.verb in STOPPING:
                yield from self._stopped(seen, seen.record)
            case Removed():
                self._messages.pop(_name(seen, seen.record.queue_id), None)

    def _verdict(self, seen: Seen, record: Verdict) -> Iterator[Attempt]:
        process = _process(seen)
        yield from self._room()
        session = self._sessions.pop(process, None) or Session()
        self._sessions[process] = session  # last in line to be dropped
        key = self._key_of(record)
        if session.open is not None and session.is_over(record, key, seen.at):
            yield from self._close(session)
        if session.open is None:
            session.open = _begun(seen, record, session)
            session.times, session.accepted = {}, False
        session.times[key] = seen.at
        session.open = with_line(session.open, record, key, seen.at)
        if session.open.outcome in (Outcome.REFUSED, Outcome.PUT_OFF):
            yield from self._close(session)

    def _accepted(self, seen: Seen, record: Accepted) -> Iterator[Attempt]:
        process = _process(seen)
        session = self._sessions.setdefault(process, Session())
        if session.open is not None and session.open.queue_id:
            yield from self._close(session)
        session.queue_id = record.queue_id
        message = self._message(_name(seen, record.queue_id))
        message.client, message.sasl_username = record.client, record.sasl_username
        message.at, message.service = seen.at, seen.program
        if session.open is not None:
            session.accepted = True
            session.open = replace(
                session.open,
                queue_id=record.queue_id,
                sasl_username=record.sasl_username,
                last=seen.at,
            )

    def _delivered(self, seen: Seen, record: Delivery) -> Iterator[Attempt]:
        name = _name(seen, record.queue_id)
        message = self._messages.get(name) or Message()
        if message.local:
            return
        recipient = record.orig_to or record.recipient
        known = message.attempts.get(recipient) or Attempt(
            (*name, recipient),
            message.at,
            seen.host,
            message.service,
            client=message.client,
            sender=message.sender,
            recipient=recipient,
            outcome=Outcome.ACCEPTED,
            queue_id=record.queue_id,
            sasl_username=message.sasl_username,
        )
        told = replace(
            known, delivery=record, message_id=message.message_id, last=seen.at
        )
        if name in self._messages:
            message.attempts[recipient] = told
        yield told

    def _stopped(self, seen: Seen, record: Check) -> Iterator[Attempt]:
        """A message that cleanup or a milter did not let in."""
        name = _name(seen, record.queue_id)
        message = self._messages.pop(name, None) or Message()
        none = Attempt(
            (*name, None),
            message.at or seen.at,
            seen.host,
            message.service,
            client=message.client,
            sender=message.sender,
            queue_id=record.queue_id,
        )
        for known in message.attempts.values() or (none,):
            yield replace(
                known,
                outcome=Outcome.REFUSED,
                command="END-OF-MESSAGE",
                control=self._key_of(record),
                text=record.text,
                last=seen.at,
            )

    def _learn(self, seen: Seen, record: Queued | MessageId) -> None:
        message = self._message(_name(seen, record.queue_id))
        if isinstance(record, MessageId):
            message.message_id = record.message_id
            return
        message.sender = record.sender
        message.local = message.client is None and (
            seen.program.endswith("/pickup") or record.sender == ""
        )

    def _message(self, name: Name) -> Message:
        if name not in self._messages and len(self._messages) >= self._most[1]:
            self._messages.pop(next(iter(self._messages)))
        return self._messages.setdefault(name, Message())

    def _room(self) -> Iterator[Attempt]:
        if len(self._sessions) >= self._most[0]:
            yield from self._end(next(iter(self._sessions)))

    def _parted(self, process: Process) -> Iterator[Attempt]:
        """A session begins or ends; what the process was doing is over."""
        session = self._sessions.get(process)
        if session is not None:
            yield from self._close(session)
            session.queue_id = None

    def _end(self, process: Process) -> Iterator[Attempt]:
        session = self._sessions.pop(process, None)
        if session is not None:
            yield from self._close(session)

    def _close(self, session: Session) -> Iterator[Attempt]:
        attempt, session.open = session.open, None
        if attempt is None:
            return
        if attempt.outcome is Outcome.UNDECIDED and attempt.queue_id:
            instance = attempt.service.partition("/")[0]
            name = (attempt.host, instance, attempt.queue_id)
            key: Key = (*name, attempt.recipient)
            attempt = replace(attempt, outcome=Outcome.ACCEPTED, key=key)
            if attempt.recipient is not None:
                self._message(name).attempts[attempt.recipient] = attempt
        yield attempt


def _process(seen: Seen) -> Process:
    return (seen.host, seen.program, seen.pid)


def _name(seen: Seen, queue_id: str) -> Name:
    """A queue id is unique within an instance of Postfix."""
    return (seen.host, seen.program.partition("/")[0], queue_id)


def _begun(seen: Seen, record: Verdict, session: Session) -> Attempt:
    """A new attempt; the key counts those that look the same in one second."""
    address = record.client.address if record.client else None
    second = seen.at.replace(microsecond=0).isoformat() if seen.at else None
    base: Key = (seen.host, seen.program, seen.pid, second)
    base = (*base, address, record.sender, record.recipient)
    if second != session.second:
        session.second, session.alike = second, {}
    number = session.alike[base] = session.alike.get(base, -1) + 1
    attempt = Attempt((*base, number), seen.at, seen.host, seen.program)
    return replace(
        attempt,
        pid=seen.pid,
        client=record.client,
        helo=record.helo,
        sender=record.sender,
        recipient=record.recipient,
        sasl_username=record.sasl_username,
    )
