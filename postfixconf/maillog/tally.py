"""Lines and attempts per control, counted without keeping them.

An attempt is one RCPT: refusals and warnings of one smtpd process about the same
client, sender and recipient, up to a refusal that is no warning or to anything
else the process does. A rule that stands in two lists is logged twice and counts
once. (`attempts` merges whole records by the same rule.)
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from postfixconf.maillog.attribution import attribute, key_of
from postfixconf.maillog.lines import ENDS
from postfixconf.maillog.verdicts import FAST, read_verdict

__all__ = ["LATER", "TWICE", "ControlTally"]

Process = tuple[bytes, bytes]
Identity = tuple[str | None, str | None, str | None]

LATER = frozenset(("DATA", "BDAT", "END-OF-MESSAGE"))  # after a recipient was accepted
OPEN = 20_000  # attempts kept open at once
TWICE = 2  # seconds between the two lines of a rule that stands in two lists
CLOCK = re.compile(rb"(\d\d):(\d\d):(\d\d)")
KEYS = 5_000  # keys told apart: zones come from the log
OTHER_THINGS = re.compile(
    rb"(?:[0-9A-Za-z]{5,25}: client=|connect |disconnect |lost |timeout |too )"
)


class Open(NamedTuple):
    """An attempt that may still get lines."""

    identity: Identity
    keys: dict[str, bytes]


def _apart(before: bytes, after: bytes) -> bool:
    """Whether two stamps are too far apart to be of one rule that stands twice."""
    if before == after:
        return False
    times = CLOCK.search(before), CLOCK.search(after)
    if times[0] is None or times[1] is None:
        return True
    first, second = (
        3600 * int(each[1]) + 60 * int(each[2]) + int(each[3])
        for each in times
        if each is not None
    )
    return before[: times[0].start()] != after[: times[1].start()] or not (
        0 <= second - first <= TWICE
    )


class ControlTally:
    """Counts per control key: refusals, warnings, attempts."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}
        self._open: dict[Process, Open] = {}
        self._accepted: set[Process] = set()
        self._seen: dict[Process, int] = {}

    def result(self, wanted: Callable[[str], bool]) -> dict[str, dict[str, int]]:
        """The counts of the wanted keys."""
        names = ("reject", "reject_warning", "attempts")
        return {
            key: dict(zip(names, self._counts[key], strict=True))
            for key in sorted(self._counts)
            if wanted(key)
        }

    def add(self, at: bytes, program: bytes, pid: bytes, verdict: bytes) -> None:
        """Count one line of smtpd or postscreen, from its verb on, with its stamp."""
        text = verdict.decode("utf-8", "surrogateescape")
        fast = FAST.fullmatch(text)
        if fast is not None and fast[7] and fast[2] in ("reject", "reject_warning"):
            verb, command, address = fast.group(2, 3, 5)
            identity = (address, fast[12], fast[13])
            key = key_of(fast[11], address or "")
        else:
            record = read_verdict(ENDS.sub("", text))
            if record is None:
                return
            verb, command = record.verb, record.command
            address = record.client.address if record.client else None
            identity = (address, record.sender, record.recipient)
            key = attribute(record).key
        if verb not in ("reject", "reject_warning"):
            return
        if key not in self._counts and len(self._counts) >= KEYS:
            key = "other"
        counts = self._counts.setdefault(key, [0, 0, 0])
        counts[verb == "reject_warning"] += 1
        if self._is_new(at, (program, pid), identity, key, command):
            counts[2] += 1
        if verb == "reject":
            self._open.pop((program, pid), None)

    def _is_new(
        self, at: bytes, process: Process, identity: Identity, key: str, command: str
    ) -> bool:
        """Whether the control has not been counted for this attempt yet."""
        found = self._open.get(process)
        if found is not None and process in self._accepted and command not in LATER:
            found = None
        if found is None or found.identity != identity:
            if len(self._open) >= OPEN:
                self._open.pop(next(iter(self._open)))
            self._accepted.discard(process)
            self._open[process] = Open(identity, {key: at})
            return True
        before = found.keys.get(key)
        found.keys[key] = at
        return before is None or _apart(before, at)

    def part(self, program: bytes, pid: bytes) -> None:
        """The process has begun or ended a session."""
        if self._open.pop((program, pid), None):
            self._accepted.discard((program, pid))

    def accept(self, program: bytes, pid: bytes) -> None:
        """The process has accepted a recipient: what follows is DATA, or another."""
        if (program, pid) in self._open:
            self._accepted.add((program, pid))

    def between(self, block: bytes, program: bytes, pid: bytes, end: int) -> None:
        """See what the process did since its last refusal in this block.

        For whoever feeds refusals alone.
        """
        start = self._seen.get((program, pid))
        if start is None:
            self.part(program, pid)
            return
        mark = b" %b[%b]: " % (program, pid)
        place = block.find(mark, start, end)
        while place >= 0:
            said = OTHER_THINGS.match(block, place + len(mark))
            if said and said[0].endswith(b"client="):
                self.accept(program, pid)
            elif said:
                self.part(program, pid)
            place = block.find(mark, place + 1, end)

    def note(self, program: bytes, pid: bytes, end: int) -> None:
        """A refusal of the process ends here in the block."""
        if (program, pid) in self._open:
            self._seen[program, pid] = end

    def next_block(self) -> None:
        """Places in the old block mean nothing any more."""
        self._seen.clear()
