"""One attempt in plain words: what became of it, by which rule, and what was logged.

Whatever a stranger wrote is text here; a page passes it through `visible`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from django.utils import timezone

from mailguard.marks import visible
from mailguard.traffic.models import Attempt, Verdict
from mailguard.traffic.words import (
    AGAIN,
    PASSES_BY_ITSELF,
    VERDICTS,
    Rule,
    Word,
    rule,
)
from postfixconf.maillog.clock import Clock
from postfixconf.maillog.parse import read
from postfixconf.maillog.records import Delivery
from postfixconf.policy.greylisting import GREYLISTING

__all__ = ["Delivered", "Story", "ticket"]

LATER = timedelta(days=180)  # a stamp without a year is never further ahead
MOST_LINES = 200
LONGEST_LINE = 4000  # characters
DELIVERED = {
    "sent": "delivered",
    "deferred": "waiting in the queue",
    "bounced": "bounced: it could not be delivered",
    "expired": "given up after waiting in the queue",
    "undeliverable": "cannot be delivered",
}


class Delivered(NamedTuple):
    """The last that was logged of a message on its way on: when, to whom, how."""

    at: datetime | None
    relay: str
    text: str


@dataclass(frozen=True)
class Story:
    """What a page tells of an attempt."""

    attempt: Attempt

    @property
    def verdict(self) -> Word:
        """What became of it."""
        return VERDICTS.get(self.attempt.outcome, VERDICTS["undecided"])

    @property
    def means(self) -> str:
        """What that means for the mail, and whether it still comes by itself."""
        off = self.attempt.outcome == Verdict.PUT_OFF
        stays = off and self.attempt.control not in PASSES_BY_ITSELF
        return f"{self.verdict.means} {AGAIN}" if stays else self.verdict.means

    @property
    def stopped(self) -> bool:
        """Whether it was refused or put off."""
        return self.attempt.outcome in (Verdict.REFUSED, Verdict.PUT_OFF)

    @property
    def waits(self) -> bool:
        """Whether greylisting put it off, not only would have."""
        return self.stopped and self.attempt.control == GREYLISTING

    @property
    def rule(self) -> Rule | None:
        """What refused it or put it off."""
        return rule(self.attempt.control or "unattributed") if self.stopped else None

    @property
    def would(self) -> list[tuple[str, Rule]]:
        """The rules in test mode that would have refused it."""
        return [(key, rule(key)) for key in self.attempt.warned.split()]

    @property
    def rules(self) -> list[tuple[str, Rule]]:
        """All of these, the one that did it first."""
        first = [(self.attempt.control, self.rule)] if self.rule else []
        return [*first, *self.would]

    @property
    def client(self) -> str:
        """Name and address as Postfix writes them, "" where neither is known."""
        name, address = self.attempt.client_name, self.attempt.client_address
        return f"{name or 'unknown'}[{address}]" if address else name

    @property
    def reply(self) -> str:
        """What the sender was told."""
        code = f"{self.attempt.code} " if self.attempt.code else ""
        return f"{code}{self.attempt.text}"

    @property
    def onwards(self) -> str:
        """What became of it behind the door, in words; "" where nothing is known."""
        status = self.attempt.delivered
        return DELIVERED.get(status, status)

    @cached_property
    def delivered(self) -> Delivered | None:
        """The last delivery to this recipient among its lines."""
        clock = Clock(timezone.localtime(self.attempt.when) + LATER)
        found = None
        for line in bytes(self.attempt.raw).splitlines():
            if b" status=" not in line:
                continue
            seen = read(line, clock)
            if isinstance(seen.record, Delivery) and self.is_for(seen.record):
                found = Delivered(seen.at, seen.record.relay or "", seen.record.text)
        return found

    @property
    def ending(self) -> str:
        """How it ended in one line: “accepted, delivered to X at T”."""
        words = ", ".join(filter(None, [self.verdict.text, self.onwards]))
        if self.delivered is None:
            return words
        to = f" to {self.delivered.relay}" if self.attempt.delivered == "sent" else ""
        at = self.delivered.at
        return f"{words}{to}" + (f" at {at:%Y-%m-%d %H:%M:%S %z}" if at else "")

    def is_for(self, record: Delivery) -> bool:
        """Whether a delivery is this recipient's."""
        names = {record.recipient.lower(), (record.orig_to or "").lower()}
        return (self.attempt.recipient or "").lower() in names

    @property
    def lines(self) -> list[str]:
        """Its lines as logged, shortened where somebody sent an endless one."""
        text = bytes(self.attempt.raw).decode("utf-8", "surrogateescape")
        lines = [line for line in text.split("\n") if line]
        return [shortened(line) for line in lines[:MOST_LINES]]


def shortened(line: str) -> str:
    """At most LONGEST_LINE characters of it, and how many there were."""
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[:LONGEST_LINE]}… ({len(line)} characters)"


def ticket(story: Story) -> str:
    """What to send to whoever asks, as plain text."""
    attempt, at = story.attempt, timezone.localtime(story.attempt.when)
    told = {
        "Time": f"{at:%Y-%m-%d %H:%M:%S %z} ({at.tzname()})",
        "Client": story.client or "not logged",
        "Greeting (HELO)": attempt.helo,
        "Sender": shown(attempt.sender),
        "Recipient": shown(attempt.recipient),
        "Queue id": attempt.queue_id,
        "Verdict": story.ending,
    }
    if story.rules:
        key, first = story.rules[0]
        name = "Rule" if story.stopped else f"Would be {first.does} by"
        told |= {name: f"{first.title} ({key})", "Reply": story.reply}
        told["How to get through"] = first.sender
    return "\n".join(f"{k}: {visible(v)}" for k, v in told.items() if v) + "\n"


def shown(address: str | None) -> str:
    """An address as SMTP writes it."""
    return "not logged" if address is None else f"<{address}>"
