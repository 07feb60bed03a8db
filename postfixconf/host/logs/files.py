"""Follow a mail log that is a file, wherever rotation carries it.

Every line is given once: a bookmark says how far each text was read that may still
grow, and which were finished. When the live file does not begin any more as it did,
it was rotated: the old text is looked for among its siblings by its first bytes,
finished first, and looked at for ten minutes more, because its writer goes on until
it is told. Siblings that are not known yet were written and rotated while nobody
looked. Both kinds of rotation, packed files and kills need nothing else.

This is the traffic intake; `postfixconf.host.log` is the look at the end of the log
that an apply takes, which keeps nothing and may miss what is rotated away.

What this does not handle: what logrotate itself loses between `copytruncate`'s copy
and truncation, a rotated file deleted before it was read (said in `trouble`), and
lines rewritten in the middle of a file.
"""

import time
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from postfixconf.host.logs.bookmark import Bookmark, Chunk, Old, Place
from postfixconf.host.logs.family import Family
from postfixconf.host.logs.text import Text
from postfixconf.host.logs.turning import LINGER, joined, live_place, turned

__all__ = ["FileLog"]

STILL = 60.0  # seconds after which its last line is believed to have no newline
BROKEN = "The rest of the log {} cannot be read: {}."


@dataclass(frozen=True)
class FileLog:
    """The log at `path`, and what was rotated away from it.

    >>> FileLog(Path("/nowhere/mail.log")).read(Bookmark(), 1000).trouble
    'There is no log file /nowhere/mail.log.'
    """

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def end(self) -> Bookmark:
        """The present end; what stands before it is left to `older`."""
        with closing(Family(self.path)) as family:
            start = joined(Bookmark(), family)
            if family.live is None:
                return start
            live = live_place(family, family.live, family.live.last_line_end())
            begun = (*start.begun, live) if live else start.begun
            return replace(start, live=live, begun=begun)

    def read(self, bookmark: Bookmark, most: int) -> Chunk:
        """At most about `most` bytes of whole lines from `bookmark` on."""
        with closing(Family(self.path)) as family:
            return _Reading(family, joined(bookmark, family), most).chunk()

    def before(self, bookmark: Bookmark, most: int) -> bytes:
        """The last whole lines before `bookmark`, at most `most` bytes."""
        found = b""
        with closing(Family(self.path)) as family:
            for place in reversed([*bookmark.past, *bookmark.old, bookmark.live]):
                if place and len(found) < most and (file := _found(family, place)):
                    found = file.before(place.position, most - len(found)) + found
        return found

    def older(self, bookmark: Bookmark) -> list[Old]:
        """What could be read besides, oldest first; each line is in one place only."""
        with closing(Family(self.path)) as family:
            if not bookmark.log:
                return [_old(file) for file in family.rotated()]
            left = [
                _old(file)
                for file in family.rotated()
                if any(file.holds(each) for each in bookmark.left)
            ]
            begun = [(_found(family, place), place) for place in bookmark.begun]
            return left + [_old(file, place) for file, place in begun if file]

    def find(self, path: Path, fingerprint: str) -> Path | None:
        """Where the content is that was in `path`: rotation may have moved it.

        None when it is nowhere any more.
        """
        with suppress(OSError), closing(Text(path)) as file:
            if file.holds(fingerprint):
                return path
        with closing(Family(self.path)) as family:
            found = _found(family, Place(family.log, fingerprint, 0))
            return found.path if found else None


class _Reading:
    """One read: what it gives, and what becomes of the bookmark."""

    def __init__(self, family: Family, start: Bookmark, most: int) -> None:
        self.family, self.room, self.broken = family, most, ""
        self.mark = start if _calm(family, start) else turned(start, family)
        self.now = time.time()

    def chunk(self) -> Chunk:
        """The old texts come first, then the live one, as far as there is room."""
        old = [(place, *self._old(place)) for place in self.mark.old]
        live_data, live = self._live()
        data = b"".join([*(data for _, data, _, _ in old), live_data])
        past = [after for _, _, after, done in old if done]
        after = replace(
            self.mark,
            live=live,
            old=tuple(after for _, _, after, done in old if not done),
            past=(*self.mark.past, *past),
            at=self.now if data else self.mark.at,
            cursor="",
        )
        if self.broken:
            after = after.with_gap(self.broken)
        trouble = " ".join(filter(None, [self.family.trouble, after.told()]))
        return Chunk(data, after, self.room <= 0, trouble)

    def _old(self, place: Place) -> tuple[bytes, Place, bool]:
        """Lines of an old text, its place after them, and whether it is done with."""
        file = self.family.find(place.log, place.fingerprint)
        if file is None:
            return b"", place, True
        idle = self.now - file.modified
        last = file.packed or idle > STILL
        data, position = self._lines(file, place.position, last=last)
        after = Place(place.log, file.fingerprint, position)
        return data, after, self.room > 0 and (file.packed or idle > LINGER)

    def _live(self) -> tuple[bytes, Place | None]:
        """Lines of the live text, and the place after them."""
        live, place = self.family.live, self.mark.live
        if live is None:
            return b"", place
        data, position = self._lines(live, place.position if place else 0)
        return data, live_place(self.family, live, position)

    def _lines(
        self, file: Text, position: int, *, last: bool = False
    ) -> tuple[bytes, int]:
        """As many lines as there is room for, none of a file that changed meanwhile."""
        if self.room <= 0:
            return b"", position
        data, after = file.lines(position, self.room, last=last)
        if not file.unchanged():
            self.room = 0  # the next read looks again
            return b"", position
        if file.broken:
            self.broken = BROKEN.format(file.path, file.broken)
        self.room = 0 if file.more else self.room - len(data)
        return data, after


def _calm(family: Family, start: Bookmark) -> bool:
    """Whether the live file is the text that it was, or is hidden for a while."""
    live, place = family.live, start.live
    if live is None or place is None:
        return live is None and not family.gone
    whole = live.end is None or place.position <= live.end
    return whole and live.holds(place.fingerprint)


def _found(family: Family, place: Place) -> Text | None:
    """The file that holds the text now, the live one included."""
    if family.live and family.live.holds(place.fingerprint):
        return family.live
    return family.find(place.log, place.fingerprint)


def _old(file: Text, place: Place | None = None) -> Old:
    """`file` as something to read, as far as `place`."""
    return Old(
        path=file.path,
        fingerprint=place.fingerprint if place else file.fingerprint,
        size=place.position if place else file.size,
        modified=datetime.fromtimestamp(file.modified, UTC),
        limit=place.position if place else None,
    )
