"""One attempt is one RCPT: its lines merged, the verdict, what it would have been.

    attempts = Attempts()
    for line in log:
        for attempt in attempts.feed(read(line, clock), line):
            store(attempt.key, attempt)

(`intake` does the same with whole blocks, several times as fast.)

Lines of one smtpd process about the same client, sender and recipient are one
attempt, up to a refusal or to anything else the process does; a refusal of DATA or
of the message is one of every recipient that was accepted. An attempt is handed out
when it is decided, and again, with the same `key`, whenever it has changed. A
recipient counts as accepted when smtpd names the queue id, the next command comes,
or the message stands in the queue.

Memory is bounded: of the sessions and messages not heard of for longest the state
is dropped, what was open is handed out first. An outcome of a message whose
beginning was not seen (or is forgotten) comes with no client, only with the key
under which the beginning was handed out: host, instance, queue id, recipient.

What this does not handle:
- a recipient that an alias turned into several is one attempt, and the last outcome
  stands; mail that a local program sent, or that a .forward sent on, is no attempt;
- no line tells that a client gave a message up (RSET, QUIT, a lost connection): its
  recipients stay accepted, without a delivery;
- a recipient accepted without any line (a second one, the recorder off) is not known
  before its delivery, nor at all when the message is refused;
- behind a content filter that does not say which message it sends on (XFORWARD), the
  message counts a second time, from the filter's address;
- where smtpd does not wait for RCPT (smtpd_delay_reject = no), a warning about
  CONNECT, HELO or MAIL is an attempt of its own, without a recipient;
- the outcome of an attempt that `settle` had handed out undecided, and whose
  message is delivered after a restart, has another key.
"""

from collections.abc import Callable
from datetime import datetime

from postfixconf.maillog.attempt import Attempt, Key, Outcome
from postfixconf.maillog.attribution import attribute
from postfixconf.maillog.records import (
    Accepted,
    Check,
    Closed,
    Delivery,
    MessageId,
    Opened,
    Queued,
    Removed,
    Seen,
    Verdict,
)
from postfixconf.maillog.state import Bounded, Message, Name, Process, Session
from postfixconf.maillog.tally import LATER
from postfixconf.maillog.verdicts import read_verdict

__all__ = ["MESSAGES", "SESSIONS", "Attempts"]

KeyOf = Callable[[Verdict | Check], str]
SESSIONS = 10_000
MESSAGES = 30_000
NO_QUEUE = "NOQUEUE"  # a proxy filter has the message, no queue
STOPPING = ("reject", "milter-reject", "discard", "milter-discard")


def _usual(record: Verdict | Check) -> str:
    return attribute(record).key


class Attempts:
    """Merges records, fed in the order of the log, into attempts."""

    def __init__(
        self,
        key_of: KeyOf = _usual,
        *,
        sessions: int = SESSIONS,
        messages: int = MESSAGES,
    ) -> None:
        self._key_of = key_of
        self._sessions: Bounded[Process, Session] = Bounded(sessions, self._close)
        self._messages: Bounded[Name, Message] = Bounded(messages)
        self._changed: list[Attempt] = []
        self._at: datetime | None = None
        self._second: str | None = None

    def feed(self, seen: Seen, raw: bytes = b"") -> list[Attempt]:
        """The attempts that this record decides or adds to; `raw` is its line."""
        for _ in range(seen.times):
            self.take(seen, raw)
        return self.changed()

    def settle(self, before: datetime) -> list[Attempt]:
        """Hand out what is open and has had no line since `before`.

        It stays open, under the same key. Give a refusal that waits for DNS its
        time: a minute, say.
        """
        for session in self._sessions.values():
            known = session.open
            if known is None or known.told or known.last is None:
                continue
            if known.last < before:
                self._settle(known)
        return self.changed()

    def flush(self) -> list[Attempt]:
        """Hand out everything that is open: the log has ended."""
        for session in self._sessions.values():
            self._close(session)
        self._sessions.clear()
        return self.changed()

    def changed(self) -> list[Attempt]:
        """What was decided or added to since the last call, each attempt once."""
        changed, self._changed = self._changed, []
        return [*{attempt.key: attempt for attempt in changed}.values()]

    def is_open(self, process: Process) -> bool:
        """Whether a process has an attempt that is not over."""
        session = self._sessions.get(process)
        return session is not None and session.open is not None

    def take(self, seen: Seen, raw: bytes) -> None:
        """Take in a record once, whatever its `times`; `changed` has the outcome."""
        match seen.record:
            case Delivery():
                self._delivered(seen, seen.record, raw)
            case Queued():
                self._queued(seen, seen.record)
            case MessageId():
                self._learn(seen, seen.record)
            case Removed():
                self._messages.pop(_name(seen, seen.record.queue_id), None)
            case Accepted():
                self._accepted(seen, seen.record, raw)
            case Verdict():
                self._verdict(seen, seen.record, raw)
            case Opened() | Closed():
                if session := self._sessions.get((seen.host, seen.program, seen.pid)):
                    self._close(session)
            case Check() if seen.record.verb in STOPPING:
                self._stopped(seen, seen.record, raw)

    def _verdict(self, seen: Seen, record: Verdict, raw: bytes) -> None:
        key = self._key_of(record)
        if record.command in LATER and self._of_message(seen, record, key, raw):
            return
        process = (seen.host, seen.program, seen.pid)
        session = self._sessions.get(process) or Session()
        self._sessions.put(process, session)
        if session.open is not None and session.is_over(record, key, seen.at):
            self._close(session)
        known = session.open
        if known is None:
            known = session.open = self._begun(seen, record, session)
            session.times = {}
        session.times[key] = seen.at
        known.add(record, key, seen.at, raw)
        if known.outcome in (Outcome.REFUSED, Outcome.PUT_OFF):
            session.open = None
            self._withdraw(known)
            self._tell(known)
        elif known.told:
            self._tell(known)

    def _of_message(self, seen: Seen, record: Verdict, key: str, raw: bytes) -> bool:
        """Whether a verdict on DATA joined the accepted recipients of its message."""
        name = _name(seen, record.queue_id or "")
        message = self._messages.get(name)
        if message is None:
            return False
        self._admit(message)
        for known in (joined := message.accepted()):
            known.add(record, key, seen.at, raw)
            self._tell(known)
        return bool(joined)

    def _begun(self, seen: Seen, record: Verdict, session: Session) -> Attempt:
        """A new attempt, waiting for its message if it has one."""
        if seen.at is not self._at:
            at = self._at = seen.at
            self._second = at.replace(microsecond=0).isoformat() if at else None
        address = record.client.address if record.client else None
        base: Key = (seen.host, seen.program, seen.pid, self._second)
        base = (*base, address, record.sender, record.recipient)
        attempt = Attempt(
            session.key(base, self._second),
            seen.at,
            seen.host,
            seen.program,
            seen.pid,
            record.client,
            record.helo,
            record.sender,
            record.recipient,
            queue_id=record.queue_id,
        )
        if record.queue_id is not None:
            message = self._known(_name(seen, record.queue_id))
            if message.client is None:
                message.client, message.sender = record.client, record.sender
                message.at, message.service = seen.at, seen.program
            message.pending = attempt
        return attempt

    def _accepted(self, seen: Seen, record: Accepted, raw: bytes) -> None:
        name = _name(seen, record.queue_id)
        session = self._sessions.get((seen.host, seen.program, seen.pid))
        known = session.open if session else None
        if session and known and (known.queue_id or known.client != record.client):
            self._close(session)
            known = None
        if record.queue_id == NO_QUEUE:
            if known is not None:
                known.outcome, known.last = Outcome.ACCEPTED, seen.at
                known.keep(raw)
                self._tell(known)
            return
        before = self._messages.get(_name(seen, record.orig_queue_id or ""))
        if before is not None:  # it comes back from a content filter
            self._messages.put(name, before)
            return
        message = Message(name, record.client, at=seen.at, service=seen.program)
        message.sasl_username, message.line = record.sasl_username, raw[:2000]
        self._messages.put(name, message)
        if known is not None:
            known.sasl_username, known.last = record.sasl_username, seen.at
            known.keep(raw)
            self._tell(message.accept(known))

    def _queued(self, seen: Seen, record: Queued) -> None:
        message = self._known(_name(seen, record.queue_id))
        message.sender = record.sender
        if message.client is None and (
            record.sender == "" or seen.program.endswith("/pickup")
        ):
            message.local = True
        self._admit(message)

    def _learn(self, seen: Seen, record: MessageId) -> None:
        """What the message calls itself. No client came before: no client sent it."""
        name = _name(seen, record.queue_id)
        message = self._messages.get(name)
        if message is None:
            message = self._messages.put(name, Message(name, local=True))
        message.message_id = record.message_id

    def _delivered(self, seen: Seen, record: Delivery, raw: bytes) -> None:
        name = _name(seen, record.queue_id)
        message = self._messages.get(name) or Message(name)
        if message.local:
            return
        self._admit(message)
        known = message.recipient(record.orig_to or record.recipient, seen.host)
        before = known.delivery
        if before is not None and before.queue_id != name[2] == known.queue_id:
            return  # handed to a content filter, and already come out of it
        known.message_id = message.message_id
        known.deliver(record, seen.at, raw)
        self._tell(known)

    def _stopped(self, seen: Seen, record: Check, raw: bytes) -> None:
        """A message that cleanup or a milter did not let in."""
        name = _name(seen, record.queue_id)
        message = self._messages.pop(name, None) or Message(name)
        self._admit(message)
        refusal = _refusal(record)
        key = self._key_of(record)
        for known in message.accepted() or [message.nobody(seen.host, refusal)]:
            known.at = known.at or seen.at
            known.refuse(key, refusal)
            known.last = seen.at
            known.keep(raw)
            self._tell(known)

    def _known(self, name: Name) -> Message:
        return self._messages.get(name) or self._messages.put(name, Message(name))

    def _admit(self, message: Message) -> None:
        """Something became of the message: its pending recipient was accepted."""
        if message.pending is not None:
            self._tell(message.accept(message.pending))

    def _withdraw(self, refused: Attempt) -> None:
        """A refused recipient is none of the message's."""
        if refused.queue_id is not None:
            message = self._messages.get(_name_of(refused))
            if message is not None and message.pending is refused:
                message.pending = None

    def _close(self, session: Session) -> None:
        known, session.open = session.open, None
        if known is not None and known.outcome is Outcome.UNDECIDED:
            self._settle(known)

    def _settle(self, known: Attempt) -> None:
        """Nothing more is said: with a queue id it was accepted."""
        if known.queue_id is not None:
            self._known(_name_of(known)).accept(known)
        self._tell(known)

    def _tell(self, attempt: Attempt) -> None:
        attempt.told = True
        self._changed.append(attempt)


def _name(seen: Seen, queue_id: str) -> Name:
    """A queue id is unique within an instance of Postfix."""
    return (seen.host, seen.program.partition("/")[0], queue_id)


def _name_of(attempt: Attempt) -> Name:
    return (attempt.host, attempt.service.partition("/")[0], attempt.queue_id or "")


def _refusal(record: Check) -> Verdict:
    """A milter's verdict names the envelope; what a check found is not ours to read."""
    if record.place == "END-OF-MESSAGE":
        said = f"{record.queue_id}: {record.verb}: {record.place} {record.text}"
        if whole := read_verdict(said):
            return whole
    return Verdict(
        record.verb, record.queue_id, "END-OF-MESSAGE", None, text=record.text
    )
