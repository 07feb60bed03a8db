"""How far a mail log was read, as small JSON, and what a read gives back."""

import json
import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Bookmark", "Chunk", "Old", "Place"]

TOLD = 3600.0  # seconds for which a gap is told


class Place(NamedTuple):
    """A position inside one text, whatever its file is called by now.

    `log` is the file it was written as (links resolved), `fingerprint` names its
    first bytes, `position` counts unpacked bytes.
    """

    log: str
    fingerprint: str
    position: int


@dataclass(frozen=True)
class Bookmark:
    """Where reading goes on; `Bookmark()` is: nothing was read yet.

    `live` is the file that is written now; None while it is empty or missing.
    `old` were rotated away lately, may still be written, and are read first. `past`
    are done with. `begun` is where following began, inside files; `left` names the
    rotated files that were there then, to be read only when asked for.
    `cursor` is the journal's. `at` is when something was read last, `gap` a sentence
    about lines that may be missing and `gap_at` when that was noticed: seconds since
    1970.

    >>> Bookmark.from_json(Bookmark(cursor="s=1").as_json())
    Bookmark(log='', live=None, old=(), past=(), begun=(), left=(), cursor='s=1', \
at=0.0, gap='', gap_at=0.0)
    """

    log: str = ""
    live: Place | None = None
    old: tuple[Place, ...] = ()
    past: tuple[Place, ...] = ()
    begun: tuple[Place, ...] = ()
    left: tuple[str, ...] = ()
    cursor: str = ""
    at: float = 0.0
    gap: str = ""
    gap_at: float = 0.0

    def with_gap(self, sentence: str) -> "Bookmark":
        """From now on it tells for an hour that lines may be missing."""
        return replace(self, gap=sentence, gap_at=time.time())

    def told(self) -> str:
        """What is to be told of missing lines just now."""
        return self.gap if time.time() - self.gap_at < TOLD else ""

    def as_json(self) -> dict[str, Any]:
        """Plain lists and texts; what is empty is left out."""
        told = {name: value for name, value in vars(self).items() if value}
        plain: dict[str, Any] = json.loads(json.dumps(told))  # tuples as lists
        return plain

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Bookmark":
        """The bookmark that `as_json` was called on, JSON's lists made tuples."""
        known: dict[str, Any] = dict(value)
        for name in ("old", "past", "begun"):
            known[name] = tuple(Place(*each) for each in value.get(name, ()))
        known["left"] = tuple(value.get("left", ()))
        known["live"] = Place(*value["live"]) if value.get("live") else None
        return cls(**known)


class Chunk(NamedTuple):
    """What one read gave.

    `data` are whole lines, each with its newline; `bookmark` stands after them.
    `more`: there may be more to read right now. `trouble` is a sentence for a page,
    "" if all is well.
    """

    data: bytes
    bookmark: Bookmark
    more: bool
    trouble: str


class Old(NamedTuple):
    """A file that could be read besides what is followed.

    `size` is in unpacked bytes: as a gzip file itself claims, None where nobody
    knows. `limit` is where following began in this file: read no further.
    """

    path: Path
    fingerprint: str
    size: int | None
    modified: datetime
    limit: int | None
