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

from postfixconf.maillog.attempt import LONGEST, Attempt, Key, Outcome
from postfixconf.maillog.attribution import key_of_record
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
ALIKE = 2_000  # attempts remembered, to tell those apart that look the same
DECIDED = (Outcome.REFUSED, Outcome.PUT_OFF)
NO_QUEUE = "NOQUEUE"  # a proxy filter has the message, no queue
STOPPING = ("reject", "milter-reject", "discard", "milter-discard")


class Attempts:
    """Merges what a log says, in the order of the log, into attempts.

    `feed` takes whole records; `intake` calls the functions behind it. `changed`
    has the outcome.
    """

    def __init__(
        self,
        key_of: KeyOf = key_of_record,
        *,
        sessions: int = SESSIONS,
        messages: int = MESSAGES,
    ) -> None:
        self._key_of = key_of
        self._sessions: Bounded[Process, Session] = Bounded(sessions, self._close)
        self._messages: Bounded[Name, Message] = Bounded(messages)
        self._alike: Bounded[Key, int] = Bounded(ALIKE)
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
            if not known.told and known.last is not None and known.last < before:
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
        return process in self._sessions

    def take(self, seen: Seen, raw: bytes) -> None:
        """Take in a record once, whatever its `times`."""
        process: Process = (seen.host, seen.program, seen.pid)
        instance = seen.program.partition("/")[0]
        match seen.record:
            case Verdict():
                self.verdict(process, seen.record, seen.at, raw)
            case Opened() | Closed():
                self.part(process)
            case Delivery() as record:
                name = (seen.host, instance, record.queue_id)
                self.delivered(name, record, seen.at, raw)
            case Queued() as record:
                local = seen.program.endswith("/pickup")
                name = (seen.host, instance, record.queue_id)
                self.queued(name, record.sender, local=local)
            case MessageId() as record:
                name = (seen.host, instance, record.queue_id)
                self.identified(name, record.message_id)
            case Removed() as record:
                self.removed((seen.host, instance, record.queue_id))
            case Accepted() as record:
                name = (seen.host, instance, record.queue_id)
                self.accepted(name, process, record, seen.at, raw)
            case Check() as record if record.verb in STOPPING:
                name = (seen.host, instance, record.queue_id)
                self._stopped(name, record, seen.at, raw)

    def verdict(
        self, process: Process, record: Verdict, at: datetime | None, raw: bytes
    ) -> None:
        """smtpd or postscreen has decided something."""
        key = self._key_of(record)
        if record.command in LATER and self._of_message(process, record, key, at, raw):
            return
        session = self._sessions.get(process)
        if session is not None and session.is_over(record, key, at):
            self.part(process)
            session = None
        known = session.open if session else self._begun(process, record, at)
        known.add(record, key, at, raw)
        if known.outcome in DECIDED:
            if session is not None:
                del self._sessions[process]
            self._withdraw(known)
            self._tell(known)
            return
        session = self._sessions.put(process, session or Session(known))
        session.times[key] = at
        if known.told:
            self._tell(known)

    def part(self, process: Process) -> None:
        """A session begins or ends; what the process was doing is over."""
        if session := self._sessions.pop(process, None):
            self._close(session)

    def accepted(
        self,
        name: Name,
        process: Process,
        record: Accepted,
        at: datetime | None,
        raw: bytes,
    ) -> None:
        """smtpd has accepted a first recipient."""
        session = self._sessions.get(process)
        known = session.open if session else None
        if known and (known.queue_id or known.client != record.client):
            self.part(process)
            known = None
        if known is not None:
            known.sasl_username, known.last = record.sasl_username, at
            known.keep(raw)
        if name[2] == NO_QUEUE:
            if known is not None:
                known.outcome = Outcome.ACCEPTED
                self._tell(known)
            return
        before = record.orig_queue_id and self._messages.get(
            (name[0], name[1], record.orig_queue_id)
        )
        if before:  # it comes back from a content filter
            self._messages.put(name, before)
            return
        message = Message(name, record.client, at, process[1], raw[:LONGEST])
        message.sasl_username = record.sasl_username
        self._messages.put(name, message)
        if known is not None:
            self._tell(message.accept(known))

    def queued(self, name: Name, sender: str, *, local: bool) -> None:
        """The message stands in the queue; `local`: a program here has sent it."""
        message = self._known(name)
        message.sender = sender
        if message.client is None and (local or not sender):
            message.local = True
        self._admit(message)

    def identified(self, name: Name, message_id: str) -> None:
        """What the message calls itself. No client came before: no client sent it."""
        message = self._messages.get(name)
        if message is None:
            message = self._messages.put(name, Message(name))
            message.local = True
        message.message_id = message_id

    def removed(self, name: Name) -> None:
        """The message has left the queue."""
        self._messages.pop(name, None)

    def delivered(
        self, name: Name, record: Delivery, at: datetime | None, raw: bytes
    ) -> None:
        """What became of one recipient."""
        message = self._messages.get(name) or Message(name)
        if message.local:
            return
        self._admit(message)
        known = message.recipient(record.orig_to or record.recipient)
        before = known.delivery
        if before is not None and before.queue_id != name[2] == known.queue_id:
            return  # handed to a content filter, and already come out of it
        known.message_id = message.message_id
        known.deliver(record, at, raw)
        self._tell(known)

    def _of_message(
        self,
        process: Process,
        record: Verdict,
        key: str,
        at: datetime | None,
        raw: bytes,
    ) -> bool:
        """Whether a verdict on DATA joined the accepted recipients of its message."""
        instance = process[1].partition("/")[0]
        message = self._messages.get((process[0], instance, record.queue_id or ""))
        if message is None:
            return False
        self._admit(message)
        joined = message.accepted()
        for known in joined:
            known.add(record, key, at, raw)
            self._tell(known)
        return bool(joined)

    def _begun(self, process: Process, record: Verdict, at: datetime | None) -> Attempt:
        """A new attempt, waiting for its message if it has one."""
        if at is not self._at:
            self._at = at
            self._second = at.isoformat(timespec="seconds") if at else None
        address = record.client.address if record.client else None
        base: Key = (*process, self._second, address, record.sender, record.recipient)
        number = self._alike.put(base, self._alike.get(base, -1) + 1)
        attempt = Attempt(
            (*base, number),
            at,
            *process,
            record.client,
            record.helo,
            record.sender,
            record.recipient,
        )
        if record.queue_id is not None:
            attempt.queue_id = record.queue_id
            message = self._known(_name_of(attempt))
            if message.client is None:
                message.client, message.sender = record.client, record.sender
                message.at, message.service = at, process[1]
            message.pending = attempt
        return attempt

    def _stopped(
        self, name: Name, record: Check, at: datetime | None, raw: bytes
    ) -> None:
        """A message that cleanup or a milter did not let in."""
        message = self._messages.pop(name, None) or Message(name)
        self._admit(message)
        refusal = _refusal(record)
        key = self._key_of(record)
        for known in message.accepted() or [message.nobody(refusal)]:
            known.at = known.at or at
            known.refuse(key, refusal)
            known.last = at
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
        if session.open.outcome is Outcome.UNDECIDED:
            self._settle(session.open)

    def _settle(self, known: Attempt) -> None:
        """Nothing more is said: with a queue id it was accepted."""
        if known.queue_id is not None:
            self._known(_name_of(known)).accept(known)
        self._tell(known)

    def _tell(self, attempt: Attempt) -> None:
        attempt.told = True
        self._changed.append(attempt)


def _name_of(attempt: Attempt) -> Name:
    """A queue id is unique within an instance of Postfix."""
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
