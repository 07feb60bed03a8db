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
from postfixconf.maillog.verdicts import read_verdict

__all__ = ["LATER", "TWICE", "USUAL", "ControlTally"]

Process = tuple[bytes, bytes]
Identity = tuple[bytes | None, ...]

LATER = frozenset(("DATA", "BDAT", "END-OF-MESSAGE"))  # after a recipient was accepted
LATER_BYTES = frozenset(each.encode() for each in LATER)
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


# A refusal with its whole envelope, in which no stranger wrote `<` or `>`: the one
# reading of it is found at once. `verdicts` reads the others.
USUAL = re.compile(
    rb"(reject|reject_warning): ([A-Z-]+) from [^ \[\]]*\[([^ \]]*)\](?::[0-9]+)?: "
    rb"[0-9]{3} [245]\.[0-9]{1,3}\.[0-9]{1,3} (?:<[^<>]*>: )?([^<>]*);"
    rb" from=<([^<>]*)> to=<([^<>]*)> proto=[^ ,<>]+ helo=<[^<>]*>\r?"
)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogateescape")


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
        self._keys: dict[bytes, str] = {}

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
        usual = USUAL.fullmatch(verdict)
        if usual is not None:
            self.add_usual(at, program, pid, *usual.groups())
            return
        text = ENDS.sub("", verdict.decode("utf-8", "surrogateescape"))
        record = read_verdict(text)
        if record is None or record.verb not in ("reject", "reject_warning"):
            return
        address = record.client.address if record.client else None
        identity = tuple(map(_bytes, (address, record.sender, record.recipient)))
        key = attribute(record).key
        verb, command = record.verb.encode(), record.command.encode()
        self._count(at, (program, pid), verb, command, identity, key)

    def add_usual(
        self,
        at: bytes,
        program: bytes,
        pid: bytes,
        verb: bytes,
        command: bytes,
        address: bytes,
        reason: bytes,
        sender: bytes,
        recipient: bytes,
    ) -> None:
        """Count a line that USUAL has taken apart."""
        key = self._keys.get(reason) or self._key(reason, address)
        identity = (address, sender, recipient)
        self._count(at, (program, pid), verb, command, identity, key)

    def _count(
        self,
        at: bytes,
        process: Process,
        verb: bytes,
        command: bytes,
        identity: Identity,
        key: str,
    ) -> None:
        counts = self._counts.get(key)
        if counts is None:
            key = key if len(self._counts) < KEYS else "other"
            counts = self._counts.setdefault(key, [0, 0, 0])
        counts[verb == b"reject_warning"] += 1
        if self._is_new(at, process, identity, key, command):
            counts[2] += 1
        if verb == b"reject":
            self._open.pop(process, None)

    def _key(self, reason: bytes, address: bytes) -> str:
        """The key of a reason, remembered."""
        text = reason.decode("utf-8", "surrogateescape")
        key = key_of(text, address.decode("utf-8", "surrogateescape"))
        if len(self._keys) < KEYS and address not in reason:
            self._keys[reason] = key
        return key

    def _is_new(
        self, at: bytes, process: Process, identity: Identity, key: str, command: bytes
    ) -> bool:
        """Whether the control has not been counted for this attempt yet."""
        found = self._open.get(process)
        if (
            found is not None
            and process in self._accepted
            and command not in LATER_BYTES
        ):
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
