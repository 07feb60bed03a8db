"""Looking at the lookup tables that a configuration names, and at the gateways.

Files are looked at, and read again only where they changed; no database is asked and
no server of LDAP or SQL. A source of more than `MOST` bytes is not read: one that
large was made by a program.
"""

import os
import re
import stat
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path

from postfixconf.host.tables import SUFFIX
from postfixconf.policy.linting.around import Around, MapState, SeenMap
from postfixconf.policy.linting.seen import Seen
from postfixconf.policy.linting.tables import files_named
from postfixconf.policy.observed import Facts
from postfixconf.text.access import Line, lines_of
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["around"]

MOST = 2_000_000
FEW = 5  # bad lines, and lines that let in, that are told of one table
ROUTES = Path("/proc/net/route")
NO_GATEWAY = "00000000"
KEYED = (*SUFFIX, "texthash")
PATTERNS = ("regexp", "pcre")
PATTERN = re.compile(r"!?([^\w\s])(?:\\.|(?!\1).)*\1[a-zA-Z]*")
CONDITION = re.compile(r"(if|endif)\b", re.IGNORECASE)
# What lets in (access(5)): OK, digits alone, and any permit.
PERMITS = re.compile(r"OK([ \t]|$)|\d+$|permit", re.IGNORECASE)


def around(main: MainCf, master: MasterCf | None, facts: Facts) -> Around:
    """The tables in files that a configuration names, and this machine's gateway."""
    named = files_named(Seen(main, facts, master))
    return Around(tuple(map(seen_map, named)), tuple(gateways()))


def gateways() -> Iterator[tuple[str, str]]:
    """The default gateway of IPv4, where the kernel tells it."""
    try:
        lines = ROUTES.read_text().splitlines()[1:]
    except OSError:
        return
    for fields in map(str.split, lines):
        if fields[1] == "00000000" and fields[2] != NO_GATEWAY:
            octets = reversed(bytes.fromhex(fields[2]))
            yield ".".join(map(str, octets)), "this machine's own gateway"


def seen_map(spec: str) -> SeenMap:
    """How a table stands on the disk; `spec` is `type:path`, maybe after `proxy:`."""
    kind, _, name = spec.removeprefix("proxy:").partition(":")
    source, built = Path(name), Path(name + SUFFIX.get(kind, ""))
    try:
        state, detail = standing(source, built, proxied=spec.startswith("proxy:"))
        if state in (MapState.MISSING, MapState.UNREADABLE) or not source.exists():
            return SeenMap(spec, state, detail)
        at = source.stat()
        bad, permits = told(kind, source, at.st_ino, at.st_size, at.st_mtime_ns)
    except OSError as cause:
        return SeenMap(spec, MapState.UNREADABLE, cause.strerror or str(cause))
    return SeenMap(spec, state, detail, bad, permits)


def standing(source: Path, built: Path, *, proxied: bool) -> tuple[MapState, str]:
    """Whether Postfix can open a table, and finds in it what the source says.

    A built table without its source is all that Postfix needs.
    """
    if not built.exists():
        if built == source or not source.exists():
            return MapState.MISSING, ""
        return MapState.NOT_BUILT, str(built)
    if not stat.S_ISREG(built.stat().st_mode):
        return MapState.UNREADABLE, "it is no file"
    if proxied and not readable_for_all(built):
        return MapState.UNREADABLE, "proxymap runs as postfix and may not read it"
    with built.open("rb"):
        pass
    older = built != source and source.exists() and is_older(built, source)
    return (MapState.STALE, "") if older else (MapState.FINE, "")


def is_older(built: Path, source: Path) -> bool:
    """Whether the source was changed after the table was built (in whole seconds)."""
    return int(built.stat().st_mtime) < int(source.stat().st_mtime)


def readable_for_all(path: Path) -> bool:
    """Whether user postfix may read a file, as far as its own mode tells."""
    try:
        owner = Path("/var/spool/postfix/private").stat().st_uid
    except OSError:
        owner = -1
    at = path.stat()
    if at.st_uid == owner:
        return bool(at.st_mode & stat.S_IRUSR)
    return bool(at.st_mode & (stat.S_IROTH | stat.S_IRGRP))


@lru_cache(maxsize=256)
def told(
    kind: str, source: Path, inode: int, size: int, changed: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The bad lines of a source and those that let in; read once a change."""
    del inode, changed
    if size > MOST or kind not in (*KEYED, *PATTERNS, "cidr"):
        return (), ()
    text = os.fsdecode(source.read_bytes()) if size else ""
    bad: list[str] = []
    permits: list[str] = []
    for line in lines_of(text):
        if why := wrong(kind, line):
            bad.append(f"line {line.number}: {why}")
        elif PERMITS.match(line.action) and kind not in PATTERNS:
            permits.append(f"{line.key} {line.action}")
    return tuple(bad[:FEW]), tuple(permits[:FEW])


def wrong(kind: str, line: Line) -> str:
    """What is wrong with one line of a table, empty where nothing is."""
    if kind in PATTERNS:
        whole = f"{line.key} {line.action}"
        good = CONDITION.match(whole) or PATTERN.match(whole)
        return "" if good else f"“{line.key}” is no pattern between two delimiters"
    if kind == "cidr" and not CONDITION.match(line.key):
        try:
            ip_network(line.key.removeprefix("!").strip("[]"))
        except ValueError:
            return f"“{line.key}” is no network"
    if not line.action and not CONDITION.match(line.key):
        return f"“{line.key}” has nothing behind it"
    return ""
