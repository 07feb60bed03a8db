"""The rule by which lines become attempts (`attempts` tells what it is).

A function for each thing that a log says. A process is named by host, service and
pid. What changed is handed out by `changed`, each attempt once, however many lines it
got.
"""

from collections.abc import Callable
from datetime import datetime

from postfixconf.maillog.attempt import (
    ACCEPTED,
    LONGEST,
    PUT_OFF,
    REFUSED,
    UNDECIDED,
    Attempt,
    Key,
)
from postfixconf.maillog.attribution import key_of_record
from postfixconf.maillog.queue import Queue, name_of
from postfixconf.maillog.records import Accepted, Check, Delivery, Verdict
from postfixconf.maillog.state import Bounded, Message, Name, Process, Session
from postfixconf.maillog.tally import LATER
from postfixconf.maillog.verdicts import verdict_of

__all__ = ["MESSAGES", "SESSIONS", "KeyOf", "Merging"]

KeyOf = Callable[[Verdict | Check], str]
SESSIONS = 10_000
MESSAGES = 30_000
ALIKE = 2_000  # attempts remembered, to tell those apart that look the same
DECIDED = (REFUSED, PUT_OFF)
NO_QUEUE = "NOQUEUE"  # a proxy filter has the message, no queue
STOPPING = ("reject", "milter-reject", "discard", "milter-discard")


class Merging:
    """Takes in what a log says, in the order of the log; `changed` has the outcome."""

    def __init__(
        self,
        key_of: KeyOf = key_of_record,
        *,
        sessions: int = SESSIONS,
        messages: int = MESSAGES,
    ) -> None:
        self._key_of = key_of
        self._sessions: Bounded[Process, Session] = Bounded(sessions, self._close)
        self._queue = Queue(messages, sessions)
        self._encrypted: Bounded[Process, str] = Bounded(sessions)
        self._alike: Bounded[Key, int] = Bounded(ALIKE)
        self._changed: list[Attempt] = []
        self._at: datetime | None = None
        self._second: str | None = None

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

    def encrypted(self, process: Process, message: str) -> None:
        """A session is encrypted from here on; who wants to know reads how."""
        self._encrypted.put(process, message)

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
        if record.sasl_username:
            known.encryption = self._encrypted.get(process, "")
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

    def opened(self, process: Process) -> None:
        """A session begins, and is not encrypted yet."""
        self._encrypted.pop(process, None)

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
        encryption = self._encrypted.get(process, "")
        if known is not None:
            known.sasl_username, known.last = record.sasl_username, at
            known.encryption = encryption
            known.keep(raw)
        if name[2] == NO_QUEUE:
            if known is not None:
                known.outcome = ACCEPTED
                self._tell(known)
            return
        if self._queue.come_again(name, record.orig_queue_id):
            return
        message = Message(name, record.client, at, process[1], raw[:LONGEST])
        message.sasl_username, message.encryption = record.sasl_username, encryption
        self._queue.enter(message)
        if known is not None:
            self._tell(message.accept(known))

    def queued(self, name: Name, sender: str, *, local: bool) -> None:
        """The message stands in the queue; `local`: a program here has sent it."""
        message = self._queue.known(name)
        message.sender = sender
        if message.client is None and (local or not sender):
            message.local = True
        self._admit(message)

    def identified(self, name: Name, message_id: str) -> None:
        """What the message calls itself. No client came before: no client sent it.

        A service with a name of its own (`postfix/submission`) may have taken it for
        an instance that calls itself otherwise (`postfix-in`).
        """
        message = self._queue.find(name) or self._queue.strayed(name)
        if message is None:
            message = self._queue.known(name)
            message.local = True
        message.message_id = message_id

    def removed(self, name: Name) -> None:
        """The message has left the queue."""
        self._queue.leave(name)

    def delivered(
        self, name: Name, record: Delivery, at: datetime | None, raw: bytes
    ) -> None:
        """What became of one recipient."""
        message = self._queue.find(name) or Message(name)
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
        message = self._queue.find((process[0], instance, record.queue_id or ""))
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
            message = self._queue.known(name_of(attempt))
            if message.client is None:
                message.client, message.sender = record.client, record.sender
                message.at, message.service = at, process[1]
            message.pending = attempt
        return attempt

    def stopped(
        self, name: Name, record: Check, at: datetime | None, raw: bytes
    ) -> None:
        """A message that cleanup or a milter did not let in."""
        if record.verb not in STOPPING:
            return
        message = self._queue.leave(name) or Message(name)
        self._admit(message)
        refusal = verdict_of(record)
        key = self._key_of(record)
        for known in message.accepted() or [message.nobody(refusal)]:
            known.at = known.at or at
            known.refuse(key, refusal)
            known.last = at
            known.keep(raw)
            self._tell(known)

    def _admit(self, message: Message) -> None:
        """Something became of the message: its pending recipient was accepted."""
        if message.pending is not None:
            self._tell(message.accept(message.pending))

    def _withdraw(self, refused: Attempt) -> None:
        """A refused recipient is none of the message's."""
        if refused.queue_id is not None:
            message = self._queue.find(name_of(refused))
            if message is not None and message.pending is refused:
                message.pending = None

    def _close(self, session: Session) -> None:
        if session.open.outcome is UNDECIDED:
            self._settle(session.open)

    def _settle(self, known: Attempt) -> None:
        """Nothing more is said: with a queue id it was accepted."""
        if known.queue_id is not None:
            self._queue.known(name_of(known)).accept(known)
        self._tell(known)

    def _tell(self, attempt: Attempt) -> None:
        attempt.told = True
        self._changed.append(attempt)
