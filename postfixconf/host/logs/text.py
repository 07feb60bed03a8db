"""One file of a log, open for reading, plain or packed: whole lines of it.

A file is known again by its content and not by its name or inode: by a hash of its
first bytes, which are the same in FILE, FILE.1 and FILE.1.gz. Inodes are given to
the next file at once, and `copytruncate` keeps the same one for another content.

What this does not handle: files packed with zstd, and reading a packed file from the
middle without unpacking what stands before.
"""

import bz2
import gzip
import hashlib
import lzma
import os
import stat
import zlib
from pathlib import Path
from typing import IO, Any

__all__ = ["LONGEST", "Text", "count_in", "mark"]

HEAD = 1024  # bytes that name a file
LONGEST = 1 << 20  # bytes of a line without an end; the rest of it is passed over
BLOCK = 1 << 16
PACKED: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
BREAKS = (OSError, EOFError, zlib.error, lzma.LZMAError)


def mark(first: bytes) -> str:
    """The fingerprint of a file that begins with these bytes, and how many it names.

    >>> mark(b"Nov  2 ")
    '7-556674dd178094ff'
    """
    return f"{len(first[:HEAD])}-{hashlib.sha256(first[:HEAD]).hexdigest()[:16]}"


def count_in(fingerprint: str) -> int:
    """How many bytes it names."""
    return int(fingerprint.partition("-")[0] or 0)


class Text:
    """An open file, seen as it was when it was opened: what is added later waits.

    `end` is its size, or None in a packed one; `first` its first bytes, unpacked;
    `modified` seconds since 1970; `broken` why nothing after a certain point can be
    read; `more` whether the last `lines` left some for want of room.
    """

    def __init__(self, path: Path, until: int | None = None) -> None:
        """Open it, to read as far as `until`. Raises OSError."""
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.status = os.fstat(handle)
        if not stat.S_ISREG(self.status.st_mode):
            os.close(handle)
            raise OSError("it is not a file with lines")
        self.file: IO[bytes] = os.fdopen(handle, "rb")
        self.path, self.modified, self.broken = path, self.status.st_mtime, ""
        self.more = False
        begins = os.pread(handle, 8, 0)
        kinds = [kind for magic, kind in PACKED.items() if begins.startswith(magic)]
        self.packed = bool(kinds)
        self.stream: Any = kinds[0](self.file) if kinds else self.file
        size = None if self.packed else self.status.st_size
        self.end = min((x for x in (size, until) if x is not None), default=None)
        self._kept_at, self._kept, self._at = 0, b"", 0
        self.first = self.take(0, HEAD)
        self._kept = self.first
        if self.end is not None and len(self.first) < HEAD:
            self.end = len(self.first)  # truncated while it was opened

    def close(self) -> None:
        """Give it back; quietly nothing if that was done."""
        self.stream.close()
        self.file.close()

    @property
    def fingerprint(self) -> str:
        """The name of this content, as long as it is known."""
        return mark(self.first)

    @property
    def size(self) -> int | None:
        """Unpacked bytes: as a gzip file of one part claims, None where unknown."""
        if self.end is not None or not isinstance(self.stream, gzip.GzipFile):
            return self.end
        packed = self.status.st_size
        claimed = os.pread(self.file.fileno(), 4, max(0, packed - 4))
        size = int.from_bytes(claimed, "little")
        return size if size >= packed else None

    def holds(self, fingerprint: str) -> bool:
        """Whether it begins with what was named; an empty name fits nothing."""
        count = count_in(fingerprint)
        return 0 < count <= len(self.first) and mark(self.first[:count]) == fingerprint

    def begins_as(self, fingerprint: str) -> bool:
        """The same, where the name is one of a whole line at least."""
        named = self.first[: count_in(fingerprint)]
        return self.holds(fingerprint) and (b"\n" in named or len(named) == HEAD)

    def holds_any(self, fingerprints: set[str]) -> bool:
        """Whether it begins with any of these."""
        return any(map(self.holds, fingerprints))

    @property
    def known(self) -> bool:
        """Whether there is enough in it to know it again: a whole line."""
        return b"\n" in self.first or len(self.first) == HEAD

    def same(self, other: "Text") -> bool:
        """Whether one of the two may be a copy of the other, perhaps unfinished."""
        if os.path.samestat(self.status, other.status):
            return True
        shorter = min(self.first, other.first, key=len)
        alike = self.first.startswith(shorter) and other.first.startswith(shorter)
        return self.known and other.known and alike

    def unchanged(self) -> bool:
        """Whether it still begins as it did: what was read meanwhile can be trusted."""
        if self.packed:
            return True
        return os.pread(self.file.fileno(), len(self.first), 0) == self.first

    def take(self, position: int, most: int) -> bytes:
        """Up to `most` bytes; fewer at the end, or where the file is `broken`."""
        limit = most if self.end is None else min(most, self.end - position)
        found = bytearray()
        if position == self._kept_at:
            found += self._kept[: max(0, limit)]
        try:
            if len(found) < limit and self._at != position + len(found):
                self._at = self.stream.seek(position + len(found))
            while len(found) < limit:
                block = self.stream.read1(min(BLOCK, limit - len(found)))
                if not block:
                    break
                found += block
                self._at += len(block)
        except BREAKS as cause:
            self.broken = getattr(cause, "strerror", None) or str(cause) or "is broken"
        return bytes(found)

    def lines(
        self, position: int, most: int, *, last: bool = False
    ) -> tuple[bytes, int]:
        """Whole lines from `position` on, about `most` bytes, and the position after.

        In the middle of a line the rest of it is passed over. A last line without
        newline waits, or with `last` is given as if it had one. A line longer than
        LONGEST and `most` is cut, so that no part of it is taken for a line.
        """
        if position:
            position = self._past_cut(position)
        data = self.take(position, most)
        if b"\n" not in data and len(data) == most < LONGEST:
            data += self.take(position + most, LONGEST - most)
            data = data[: data.find(b"\n") + 1 or len(data)]
        end = data.rfind(b"\n") + 1
        self.more = len(data) >= (most if end else LONGEST)
        if end < len(data) and last and not self.more:
            return data + b"\n", position + len(data)
        if end:
            self._kept_at, self._kept = position + end - 1, data[end - 1 :]
            return data[:end], position + end
        if self.more:
            return data[:LONGEST] + b"\n", position + LONGEST
        return b"", position

    def _past_cut(self, position: int) -> int:
        """`position`, or the end of the line that it stands in the middle of."""
        at = position - 1
        while block := self.take(at, BLOCK):
            newline = block.find(b"\n")
            if newline >= 0:
                at += newline + 1
                self._kept_at, self._kept = at, block[newline + 1 :]
                return at
            at += len(block)
        return max(at, position)

    def before(self, position: int, most: int) -> bytes:
        """The last whole lines before `position`, at most `most` bytes."""
        start = max(0, position - most - 1)
        data = self.take(start, position - start)
        begin = data.find(b"\n") + 1 if start else 0
        return data[begin : data.rfind(b"\n") + 1] if begin or not start else b""

    def last_line_end(self) -> int:
        """The position after the last newline (unpacks all of a packed file)."""
        position, at = 0, 0
        while block := self.take(at, LONGEST):
            position = at + block.rfind(b"\n") + 1 if b"\n" in block else position
            at += len(block)
        return position
