"""A lookup table to build, as a plan names it."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

__all__ = ["HEADER", "POSTGREY", "Table", "digest_of"]

# The first line of a file that is ours alone.
HEADER = "# Written by mailguard: change it there, edits here stop the next apply.\n"

# The type of a table that is no table of Postfix's but a list that postgrey reads.
POSTGREY = "postgrey"

Lines = Callable[[], Iterable[str]]
Edits = tuple[tuple[str, str | None], ...]


def none() -> Iterable[str]:
    """No lines."""
    return ()


@dataclass(frozen=True)
class Table:
    """What a table will hold.

    `path` is its source, from the configuration directory; `version` names the
    content for the plan's digest. `lines` gives our lines, each ending in a
    newline, once more each time it is called: they may be too many to hold. `hand`
    are the lines to keep that somebody wrote; None where the file is ours alone.
    `edits` are the few (key, action) pairs that differ from the live table, None
    for a key that goes; None where the whole table has to be made anew. `late` is
    true where the new lines mean something only under the new main.cf. One that is
    `secret` only root may read, and no copy of it is kept in the clear.
    """

    path: str
    type: str
    version: str
    lines: Lines = field(default=none, compare=False, repr=False)
    hand: str | None = field(default=None, compare=False, repr=False)
    edits: Edits | None = field(default=None, compare=False)
    late: bool = False
    secret: bool = False


def digest_of(table: Table) -> str:
    """SHA-256 of a small table's source as it will be written."""
    return hashlib.sha256((HEADER + "".join(table.lines())).encode()).hexdigest()
