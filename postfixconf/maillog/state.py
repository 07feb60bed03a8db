"""What is remembered between two lines: messages in the queue, smtpd processes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar

from postfixconf.maillog.attempt import ACCEPTED, UNDECIDED, Attempt
from postfixconf.maillog.records import Client, Verdict
from postfixconf.maillog.tally import LATER, TWICE

__all__ = ["Bounded", "Message", "Name", "Process", "Session"]

Process = tuple[str, str, int | None]  # host, program, pid
K = TypeVar("K")
V = TypeVar("V")
Name = tuple[str, str, str]  # host, instance, queue id


class Bounded(dict[K, V]):
    """A dictionary that holds `most` entries: the oldest make room, some at once."""

    def __init__(self, most: int, dropped: Callable[[V], None] | None = None) -> None:
        super().__init__()
        self._most, self._dropped = most, dropped

    def put(self, key: K, value: V) -> V:
        """Add an entry, or renew one: it is the youngest now."""
        self.pop(key, None)
        self[key] = value
        if len(self) > self._most:
            for oldest in [*islice(self, self._most // 8 + 1)]:
                gone = self.pop(oldest)
                if self._dropped is not None:
                    self._dropped(gone)
        return value


@dataclass
class Message:
    """What is known of a message in the queue.

    `local` is one that no client has sent. `attempts` are its accepted recipients,
    by their address in small letters; `pending` is one of which it is not certain.
    """

    name: Name
    client: Client | None = None
    at: datetime | None = None
    service: str = ""
    line: bytes = b""
    sender: str | None = field(default=None, init=False)
    helo: str | None = field(default=None, init=False)
    reverse_name: str | None = field(default=None, init=False)
    sasl_username: str | None = field(default=None, init=False)
    message_id: str | None = field(default=None, init=False)
    encryption: str = field(default="", init=False)
    local: bool = field(default=False, init=False)
    pending: Attempt | None = field(default=None, init=False)
    attempts: dict[str | None, Attempt] = field(default_factory=dict)

    def accept(self, attempt: Attempt) -> Attempt:
        """One of its recipients is accepted; its key is the message's from now on.

        A key under which the attempt has been handed out stays.
        """
        recipient = _folded(attempt.recipient)
        if not attempt.told:
            attempt.key = (*self.name, recipient)
        attempt.outcome, attempt.told = ACCEPTED, True
        attempt.queue_id = self.name[2]
        attempt.message_id = self.message_id
        attempt.sasl_username = attempt.sasl_username or self.sasl_username
        attempt.encryption = attempt.encryption or self.encryption
        self.helo, self.reverse_name = attempt.helo, attempt.reverse_name
        self.attempts[recipient] = attempt
        if self.pending is attempt:
            self.pending = None
        return attempt

    def accepted(self) -> list[Attempt]:
        """Its recipients that have not been refused."""
        known = self.attempts.values()
        return [each for each in known if each.outcome is ACCEPTED]

    def recipient(self, address: str) -> Attempt:
        """The attempt of an address to which the message goes."""
        folded = address.lower()
        known = self.attempts.get(folded)
        if known is None:
            known = self.attempts[folded] = self._attempt(address, folded)
            known.outcome = ACCEPTED
        return known

    def nobody(self, record: Verdict) -> Attempt:
        """An attempt for a message of which no recipient was seen."""
        attempt = self._attempt(record.recipient, _folded(record.recipient))
        attempt.client = attempt.client or record.client
        attempt.helo = attempt.helo or record.helo
        attempt.sender = record.sender if self.sender is None else self.sender
        return attempt

    def _attempt(self, address: str | None, folded: str | None) -> Attempt:
        attempt = Attempt(
            (*self.name, folded),
            self.at,
            self.name[0],
            self.service,
            None,
            self.client,
            self.helo,
            self.sender,
            address,
        )
        attempt.queue_id = self.name[2]
        attempt.sasl_username = self.sasl_username
        attempt.encryption = self.encryption
        attempt.reverse_name = self.reverse_name
        attempt.keep(self.line)
        return attempt


@dataclass(slots=True)
class Session:
    """The attempt that one smtpd process is about, and the times of its controls."""

    open: Attempt
    times: dict[str, datetime | None] = field(default_factory=dict)

    def is_over(self, record: Verdict, key: str, at: datetime | None) -> bool:
        """Whether a verdict belongs to another RCPT than the open attempt."""
        known = self.open
        if (known.client, known.sender, known.recipient) != (
            *(record.client, record.sender, record.recipient),
        ):
            return True
        if known.outcome is not UNDECIDED and (
            known.outcome is not ACCEPTED or record.command not in LATER
        ):
            return True
        before = self.times.get(key, at)
        if before is None or at is None:
            return before is not at
        gap = at.replace(microsecond=0) - before.replace(microsecond=0)
        return not 0 <= gap.total_seconds() <= TWICE


def _folded(address: str | None) -> str | None:
    return None if address is None else address.lower()
