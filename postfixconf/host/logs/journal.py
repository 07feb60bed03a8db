"""Follow the mail log of a machine that logs to systemd's journal alone.

`journalctl` reads it; entries of the mail facility and of postgrey come back as the
lines that a syslog daemon would have written, with the journal's microseconds in
UTC, and with what journald says it threw away. A newline inside a message becomes
`#012`, as rsyslog writes it: no message can hold another line.

What this does not handle: an entry larger than 8 MB as JSON; older entries as a thing
of their own (follow from `Bookmark()` to read everything that is there); lines that
came from a file before, for from a file to the journal it goes on by the clock.
"""

import json
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from postfixconf.errors import CommandFailed
from postfixconf.host.commands import head
from postfixconf.host.logs.bookmark import Bookmark, Chunk, Old

__all__ = ["JournalLog"]

MAIL = "SYSLOG_FACILITY=2"
THROWN_AWAY = (
    "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e"  # SD_MESSAGE_JOURNAL_DROPPED
)
POSTGREY = "SYSLOG_IDENTIFIER=postgrey"  # Debian's unit logs as any daemon
WANTED = (MAIL, "+", POSTGREY, "+", THROWN_AWAY)
FIELDS = (
    "MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_COMM,_PID,_HOSTNAME,"
    "_SOURCE_REALTIME_TIMESTAMP"
)
USUAL_ENTRY, LONGEST_ENTRY = 1 << 16, 8 << 20  # bytes, as JSON
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INFLATED = 4  # bytes of JSON for a byte of a line, about
GONE = "The journal has thrown away what came next: lines may be missing."


@dataclass(frozen=True)
class JournalLog:
    """The machine's journal, or the files in `directory`."""

    directory: Path | None = None

    def __str__(self) -> str:
        return f"journal in {self.directory}" if self.directory else "journal"

    def end(self) -> Bookmark:
        """The present end of the journal."""
        try:
            last = self._entries("--lines=1", most=0)
        except CommandFailed:
            last = []
        cursor = json.loads(last[-1])["__CURSOR"] if last else ""
        return Bookmark(cursor=cursor, at=time.time())

    def read(self, bookmark: Bookmark, most: int) -> Chunk:
        """At most about `most` bytes of whole lines from `bookmark` on."""
        try:
            entries = self._entries(*_from(bookmark), most=most)
        except CommandFailed as cause:
            if bookmark.cursor and "cursor" in cause.said:
                return self.read(replace(bookmark, cursor="").with_gap(GONE), most)
            said = cause.said or cause.reason
            return Chunk(b"", bookmark, False, f"The journal cannot be read: {said}.")
        if not entries:
            gone = GONE if bookmark.cursor else bookmark.told()
            return Chunk(b"", bookmark, False, gone)
        after = bookmark
        if bookmark.cursor and json.loads(entries[0])["__CURSOR"] != bookmark.cursor:
            after = bookmark.with_gap(GONE)
        data, cursor, more = _lines(entries, bookmark.cursor, most)
        if data:
            after = replace(after, cursor=cursor, at=time.time())
        return Chunk(data, after, more, after.told())

    def before(self, bookmark: Bookmark, most: int) -> bytes:
        """The last whole lines before `bookmark`, at most `most` bytes."""
        if not bookmark.cursor:
            return b""
        back = (f"--cursor={bookmark.cursor}", "--reverse")
        with suppress(CommandFailed):
            entries = map(json.loads, self._entries(*back, most=most))
            lines = [_line(entry) for entry in entries]
            fits = sum(size <= most for size in accumulate(map(len, lines)))
            return b"".join(reversed(lines[:fits]))
        return b""

    def older(self, bookmark: Bookmark) -> list[Old]:
        """Nothing: a journal has no older files that could be read one by one."""
        return []

    def _entries(self, *words: str, most: int) -> list[bytes]:
        """Entries in JSON for about `most` bytes of lines, or one that is larger."""
        place = [f"--directory={self.directory}"] if self.directory else []
        shape = ("--quiet", "--all", "--output=json", f"--output-fields={FIELDS}")
        command = ("journalctl", *place, *shape, *words, *WANTED)
        limit = USUAL_ENTRY + INFLATED * most
        out = head(*command, most=limit)
        if len(out) == limit and out.count(b"\n") < 2:
            out = head(*command, most=LONGEST_ENTRY)
        whole = out[: out.rfind(b"\n") + 1].splitlines()
        return [line for line in whole if line.startswith(b"{")]


def _from(bookmark: Bookmark) -> tuple[str, ...]:
    """Where to begin: at the last entry read, which shows that none is missing."""
    if bookmark.cursor:
        return (f"--cursor={bookmark.cursor}",)
    return (f"--since=@{int(bookmark.at)}",) if bookmark.at else ()


def _lines(entries: list[bytes], met: str, most: int) -> tuple[bytes, str, bool]:
    """Lines of entries but the one already met, the last one's cursor, any more?"""
    data, cursor, room = [], met, most
    for entry in map(json.loads, entries):
        if room <= 0:
            break
        if entry["__CURSOR"] != met:
            cursor = entry["__CURSOR"]
            data.append(_line(entry))
            room -= len(data[-1])
    return b"".join(data), cursor, room <= 0


def _line(entry: dict[str, Any]) -> bytes:
    """The entry as a syslog daemon would have written it."""
    stamp = entry.get("_SOURCE_REALTIME_TIMESTAMP") or entry["__REALTIME_TIMESTAMP"]
    host = _bytes(entry.get("_HOSTNAME")) or b"localhost"
    program = _bytes(entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM")) or b"unknown"
    pid = _bytes(entry.get("SYSLOG_PID") or entry.get("_PID"))
    tag = program + (b"[" + pid + b"]" if pid else b"")
    line = b"%b %b %b: %b" % (
        _stamp(int(stamp)),
        host,
        tag,
        _bytes(entry.get("MESSAGE")),
    )
    return line.replace(b"\r", b"#015").replace(b"\n", b"#012") + b"\n"


def _stamp(microseconds: int) -> bytes:
    """RFC 3339 in UTC, always with six digits."""
    when = EPOCH + timedelta(microseconds=microseconds)
    return when.isoformat(timespec="microseconds").encode()


def _bytes(value: Any) -> bytes:
    """A field: text, a list of bytes where it is no text, of values where it is twice.

    Of several values the first counts.
    """
    if isinstance(value, list):
        whole = all(isinstance(each, int) for each in value)
        return bytes(value) if whole else _bytes(value[0])
    return str(value or "").encode("utf-8", "surrogateescape")
