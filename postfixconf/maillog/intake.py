"""Whole blocks of a log read into attempts: what `read` and `Attempts` say, faster.

    intake = Intake(Clock(now))
    while block := whole_lines(file):
        store(intake.feed(block).attempts)

One regular expression takes every line of a block apart; the program and the first
word of the message say which reader of `parse` reads it, and most lines need none.
Lines that are not of the usual form (folded repeats, other prefixes) go through
`parse.read`. Memory is that of `Attempts` and of one block.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple

from postfixconf.maillog.attempt import Attempt
from postfixconf.maillog.attempts import MESSAGES, SESSIONS, Attempts
from postfixconf.maillog.attribution import attribute
from postfixconf.maillog.clock import STAMP, Clock
from postfixconf.maillog.lines import QUEUE_ID
from postfixconf.maillog.parse import Reader, read, reader_of, without_reader
from postfixconf.maillog.records import (
    Check,
    Foreign,
    Greylisted,
    Seen,
    Unknown,
    Verdict,
)
from postfixconf.maillog.words import PARTING, WORD

__all__ = ["Batch", "Greylist", "Intake"]

# Every line matches, one that is not of the usual form with empty groups.
SCAN = re.compile(
    rf"\n(?:({STAMP}) ([^ \n]+) ([^ \[\]:\n]+)\[([0-9]{{1,10}})\]: "
    rf"((?:{QUEUE_ID}: )?({WORD})[^\n]*)|[^\n]*)"
)
LINE_ENDS = re.compile(r"(?:\r|#012|#015)+(?=\n|\Z)")
UNUSUAL = frozenset(("", "message"))  # first words
PAIRS = 5_000  # of program and first word remembered
KINDS = 1_000  # of unknown lines told apart in one block
OTHER = "other"


class Greylist(NamedTuple):
    """What postgrey answered, when and where."""

    at: datetime | None
    host: str
    record: Greylisted


@dataclass
class Batch:
    """What a block of lines says.

    `foreign` lines are other programs', `unknown` ones Postfix's that are not
    understood, by kind. `attempts` are those decided or added to, each once in its
    last state. `last` is the time of the last line that has one.
    """

    lines: int = 0
    foreign: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    attempts: list[Attempt] = field(default_factory=list)
    greylisted: list[Greylist] = field(default_factory=list)
    last: datetime | None = None

    def count(self, seen: Seen, lines: int = 1) -> None:
        """Count lines that say nothing of a message."""
        if isinstance(seen.record, Foreign):
            self.foreign += lines
        elif isinstance(seen.record, Unknown):
            kind = seen.record.kind
            room = kind in self.unknown or len(self.unknown) < KINDS
            self.unknown[kind if room else OTHER] += seen.times * lines


class Intake:
    """Reads a log block by block.

    `own_reply` and `greylist_text` are the texts of this server's configuration, as
    `attribution.attribute` takes them.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        own_reply: str = "",
        greylist_text: str = "",
        sessions: int = SESSIONS,
        messages: int = MESSAGES,
    ) -> None:
        key_of = partial(_key, own_reply=own_reply, greylist_text=greylist_text)
        self._attempts = Attempts(key_of, sessions=sessions, messages=messages)
        self._clock = clock
        self._readers: dict[tuple[str, str], Reader | None] = {}

    def feed(self, block: bytes) -> Batch:
        """Read whole lines; the last may lack its newline.

        Attempts go on to change with the lines of the next block: use them before.
        """
        batch = Batch()
        if not block:
            return batch
        lines = block.removesuffix(b"\n").split(b"\n")
        batch.lines = len(lines)
        text = "\n" + block.removesuffix(b"\n").decode("utf-8", "surrogateescape")
        if "\r" in text or "#01" in text:
            text = LINE_ENDS.sub("", text)
        self._read(batch, lines, SCAN.findall(text))
        batch.attempts = self._attempts.changed()
        return batch

    def settle(self, before: datetime) -> list[Attempt]:
        """As `Attempts.settle`: what is undecided and idle since `before`."""
        return self._attempts.settle(before)

    def flush(self) -> list[Attempt]:
        """As `Attempts.flush`: the log has ended."""
        return self._attempts.flush()

    def _read(
        self, batch: Batch, lines: list[bytes], found: list[tuple[str, ...]]
    ) -> None:
        readers, attempts, time = self._readers, self._attempts, self._clock.read
        silent: Counter[tuple[str, str]] = Counter()
        for raw, (stamp, host, program, pid, message, word) in zip(
            lines, found, strict=True
        ):
            pair = program, word
            reader = readers[pair] if pair in readers else self._reader(pair)
            if reader is None:
                if word in UNUSUAL:
                    self._careful(batch, raw)
                else:
                    silent[pair] += 1
                continue
            if word in PARTING and not attempts.is_open((host, program, int(pid))):
                continue
            record = reader(message)
            if record is None:
                silent[pair] += 1
            elif isinstance(record, Greylisted):
                batch.greylisted.append(Greylist(time(stamp), host, record))
            else:
                attempts.take(Seen(record, time(stamp), host, program, int(pid)), raw)
        for (program, word), count in silent.items():
            batch.count(Seen(without_reader(program, word)), count)
        last = next((each[0] for each in reversed(found) if each[0]), None)
        batch.last = time(last) if last else None

    def _reader(self, pair: tuple[str, str]) -> Reader | None:
        reader = reader_of(*pair)
        if len(self._readers) < PAIRS:
            self._readers[pair] = reader
        return reader

    def _careful(self, batch: Batch, raw: bytes) -> None:
        """A line that is not of the usual form."""
        seen = read(raw, self._clock)
        batch.count(seen)
        for _ in range(seen.times):
            if isinstance(seen.record, Greylisted):
                batch.greylisted.append(Greylist(seen.at, seen.host, seen.record))
            else:
                self._attempts.take(seen, raw)


def _key(record: Verdict | Check, *, own_reply: str, greylist_text: str) -> str:
    found = attribute(record, own_reply=own_reply, greylist_text=greylist_text)
    return found.key
