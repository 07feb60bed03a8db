"""What becomes of a bookmark when a log begins, or was rotated.

Nothing is read here: texts change their places in the bookmark, and the next read
goes by it.
"""

import time
from collections.abc import Iterable
from dataclasses import replace

from postfixconf.host.logs.bookmark import Bookmark, Place
from postfixconf.host.logs.family import Family
from postfixconf.host.logs.text import HEAD, Text, mark

__all__ = ["LINGER", "joined", "live_place", "turned"]

LINGER = 600.0  # seconds without a write after which a rotated file is done with
KEPT = 50  # finished files remembered even where they are not found
LOST = (
    "The log {} was replaced, and what it held before is nowhere to be found: "
    "lines may be missing."
)
SHRUNK = (
    "The log {} has become shorter than what was read of it: reading goes on at its "
    "present end, and lines may be missing."
)


def joined(start: Bookmark, family: Family) -> Bookmark:
    """`start` where it never saw this log before: what was rotated away is left.

    A file rotated just now may still be written: that is followed from its end.
    """
    if start.log == family.log:
        return start
    known = _names([*start.old, *start.past, start.live])
    fresh = [file for file in family.rotated() if not file.holds_any(known)]
    old = tuple(
        Place(family.log, file.fingerprint, end)
        for file in fresh
        if not file.packed and time.time() - file.modified < LINGER
        if (end := file.last_line_end())
    )
    met = _names(old)
    return replace(
        start,
        log=family.log,
        old=start.old + old,
        begun=start.begun + old,
        left=tuple(file.fingerprint for file in fresh if not file.holds_any(met)),
    )


def live_place(family: Family, live: Text, position: int) -> Place | None:
    """The place in the live file; None before its first whole line was read.

    Only what was read names it: the rest of a line may still be cut off.
    """
    name = mark(live.first[: min(HEAD, position)])
    return Place(family.log, name, position) if position else None


def turned(before: Bookmark, family: Family) -> Bookmark:
    """`before`, when the live file is not any more the text it was.

    That text is to be finished where it is now, then come the files that nobody has
    seen yet, then the new live file.
    """
    after = _pruned(_left_behind(before, family), family)
    known = _names([*after.old, *after.past, before.live]) | set(after.left)
    unread = (
        Place(family.log, file.fingerprint, 0)
        for file in family.rotated()
        if not file.holds_any(known)
    )
    after = replace(after, old=(*after.old, *unread))
    return after if after.live else _met_again(after, family)


def _left_behind(before: Bookmark, family: Family) -> Bookmark:
    """The text that was live becomes an old one, or its loss is told."""
    leaving, live = before.live, family.live
    after = replace(before, live=None)
    if leaving is None:
        return after
    if family.find(leaving.log, leaving.fingerprint):
        return replace(after, old=(*before.old, leaving))
    if live and live.holds(leaving.fingerprint):
        place = live_place(family, live, live.last_line_end())
        return replace(after, live=place).with_gap(SHRUNK.format(family.path))
    return after.with_gap(LOST.format(leaving.log))


def _met_again(after: Bookmark, family: Family) -> Bookmark:
    """A file that was read before and is live once more goes on where it was left."""
    for place in (*after.old, *after.past):
        if family.live and family.live.holds(place.fingerprint):
            others = tuple(each for each in after.old if each != place)
            return replace(after, live=place, old=others)
    return after


def _pruned(after: Bookmark, family: Family) -> Bookmark:
    """Forget what is not to be found any more."""
    files = family.rotated()

    def found(name: str) -> bool:
        return any(file.holds(name) for file in files)

    earlier, recent = after.past[:-KEPT], after.past[-KEPT:]
    kept = tuple(place for place in earlier if found(place.fingerprint))
    left = tuple(name for name in after.left if found(name))
    return replace(after, past=kept + recent, left=left)


def _names(places: Iterable[Place | None]) -> set[str]:
    return {place.fingerprint for place in places if place}
