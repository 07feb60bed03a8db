"""The worker follows the mail log: read, understand, keep, move the bookmark.

What one stretch of the log tells is kept in one transaction with the bookmark behind
it, so a line counts once whenever the worker is killed. What is going on just now
(sessions, messages in the queue) is known to this process alone; after a restart
the last lines before the bookmark are read again for it, and count for nothing.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.utils import timezone

from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.traffic import let_through, store, triplets, usages
from mailguard.traffic.models import Log
from mailguard.traffic.rows import fit
from mailguard.traffic.understanding import Part, Reader, keyed_zones, replies_of
from postfixconf.errors import PostfixconfError
from postfixconf.host.instance import Instance
from postfixconf.host.logs import Bookmark, Chunk, FileLog, JournalLog, source_of

__all__ = ["AHEAD", "REPLAYED", "follow", "keep", "log_of", "source_for"]

REPLAYED = 4 << 20  # bytes before the bookmark, to know what is going on
AT_ONCE = 1 << 20  # bytes kept in one transaction
KINDS = 200  # kinds of unknown lines told apart
OPEN_FOR = timedelta(minutes=1)  # an attempt that nothing was said of yet
AHEAD = timedelta(days=1)  # a line that is dated later has a wrong time


@dataclass
class Following:
    """What this process knows of a log beyond the database, up to `bookmark`."""

    reader: Reader
    bookmark: dict[str, Any]


following: dict[int, Following] = {}


def log_of(server: Server) -> Log:
    """The row about the server's mail log, made at the first call."""
    log, _ = Log.objects.get_or_create(server=server)
    return log


def follow(server: Server, seconds: float = 0.5) -> int:
    """Read on for at most about `seconds`; the number of lines read."""
    log, lines, end = log_of(server), 0, time.monotonic() + seconds
    try:
        source = source_for(server)
        if not log.bookmark:
            begin(log, source)
        more = True
        while more:
            known = taken_up(log, source)
            chunk = source.read(Bookmark.from_json(log.bookmark), AT_ONCE)
            lines += advance(log, known, chunk, str(source))
            more = chunk.more and time.monotonic() < end
    except (PostfixconfError, OSError) as cause:
        Log.objects.filter(pk=log.pk).update(trouble=str(cause)[:1000])
    return lines


def source_for(server: Server) -> FileLog | JournalLog:
    """The log that this server's Postfix writes. Raises PostfixconfError, OSError.

    Postfix is asked where that is when main.cf is another than before.
    """
    instance = servers.instance_of(server)
    now = (instance.config_dir / "main.cf").stat()
    return source_of(_maillog_file(instance, now.st_ino, now.st_mtime_ns))


@lru_cache(maxsize=8)
def _maillog_file(instance: Instance, *_: int) -> str:
    return instance.maillog_file


def begin(log: Log, source: FileLog | JournalLog) -> None:
    """Start following at the present end; what stands before is offered."""
    end = source.end()
    log.bookmark, log.since = end.as_json(), timezone.now()
    log.older = [
        {
            "path": str(old.path),
            "fingerprint": old.fingerprint,
            "size": old.size,
            "until": old.limit,
        }
        for old in source.older(end)
    ]
    log.save(update_fields=["bookmark", "since", "older"])


def taken_up(log: Log, source: FileLog | JournalLog) -> Following:
    """What is going on at the bookmark, read again where this process is new."""
    known, ours = following.get(log.pk), usages.look(log)
    if known and known.bookmark == log.bookmark:
        known.reader.domains_only = log.domains_only
        known.reader.zones = keyed_zones(log.server)
        known.reader.ours = ours
        if known.reader.replies == replies_of(log.server):
            return known
    reader = Reader(log.server, domains_only=log.domains_only)
    reader.recall(source.before(Bookmark.from_json(log.bookmark), REPLAYED))
    following[log.pk] = Following(reader, log.bookmark)
    return following[log.pk]


def advance(log: Log, known: Following, chunk: Chunk, source: str) -> int:
    """Keep what a chunk tells and move the bookmark; the number of its lines."""
    del following[log.pk]  # it must be read again if anything fails from here on
    part = known.reader.read(chunk.data, timezone.now() - OPEN_FOR)
    bookmark = chunk.bookmark.as_json()
    with transaction.atomic():
        moved = Log.objects.filter(pk=log.pk, bookmark=log.bookmark).update(
            bookmark=bookmark,
            source=source[:500],
            trouble=chunk.trouble[:1000],
            read_at=timezone.now(),
        )
        if moved:
            keep(log, part, since=timezone.now() - timedelta(days=log.keep_days))
    if not moved:  # another process was there first
        log.refresh_from_db()
        return 0
    log.bookmark = known.bookmark = bookmark
    following[log.pk] = known
    return part.lines


def keep(log: Log, part: Part, since: datetime | None = None) -> int:
    """Keep what lines tell, in the caller's transaction; how many new attempts.

    What began before `since` and is not kept was forgotten, and counts no more.
    Whoever keeps has locked the row of the log first: one at a time.
    """
    usages.keep(log, part.used, since)  # before it is known what they tell of
    new = store.keep(log.server, part.rows, since)
    if part.greylisted or part.beside:
        lines = [(each.at, each.record) for each in part.greylisted if each.at]
        triplets.keep(log.server, lines, part.beside, domains_only=log.domains_only)
        let_through.keep(log.server, lines, domains_only=log.domains_only)
    if part.lines:
        count(log, part)
    return new


def count(log: Log, part: Part) -> None:
    """Add to what is said of the log itself."""
    row = Log.objects.select_for_update().get(pk=log.pk)
    row.lines += part.lines
    row.foreign += part.foreign
    row.unknown = added(row.unknown, part.unknown)
    row.suppressed += part.suppressed
    if part.suppressed:
        row.suppressed_at = timezone.now()
    if part.last and not before(part.last, row.last_line_at):
        row.last_line_at = part.last
    row.save(update_fields=COUNTED)


def before(at: datetime, known: datetime | None) -> bool:
    """Whether a line is older than the latest, which may be of a clock gone wrong."""
    return bool(known and at < known < timezone.now() + AHEAD)


COUNTED = [
    "lines",
    "foreign",
    "unknown",
    "suppressed",
    "suppressed_at",
    "last_line_at",
]


def added(before: dict[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Kinds of unknown lines with how often they came, the rest as `other`."""
    counts = Counter(before)
    for told, number in more.items():
        kind = fit(told, 100)
        counts[kind if kind in counts or len(counts) < KINDS else "other"] += number
    return dict(counts)
