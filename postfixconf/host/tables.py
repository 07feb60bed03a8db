"""Lookup tables: built beside the old ones, looked up, then renamed into place.

Never built in place: two builds within one second go unnoticed by a running
smtpd, a vanished inode does not (seen on 3.7.11). postmap exits 0 on malformed
and on duplicate lines, so the built table is asked for what must be in it: for
every key where few change, for a sample where all are new.

A few changed keys go through a copy of the database (83 MB: a tenth of a second)
instead of a new one. A table that Postfix reads as text has no database.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from postfixconf.errors import CommandFailed, FileFailed, Refusal
from postfixconf.host import files, perl
from postfixconf.host.commands import run
from postfixconf.policy.entries import Spared
from postfixconf.policy.table import HEADER, POSTGREY, Table
from postfixconf.text.access import BEGIN, END, Line, lines_of, managed_span
from postfixconf.text.lines import terminated
from postfixconf.text.postgrey_lists import Which

__all__ = ["build", "digest", "hand_written", "room_in"]

# The file postmap makes for each indexed type; other types are read as text.
SUFFIX = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb", "dbm": ".pag"}
GREY_LISTS = {Spared.CLIENTS: Which.CLIENTS, Spared.RECIPIENTS: Which.RECIPIENTS}
EDITABLE = ("hash", "btree", "lmdb")
PUBLIC, SECRET = 0o644, 0o600  # modes of a new source
SAMPLE = 500  # keys looked up in a table that was made anew
EVERY = 997  # of so many lines one is in the sample


@contextmanager
def room_in(config_dir: Path) -> Iterator[Path]:
    """A directory to build tables in, on the same disk, gone afterwards.

    Raises FileFailed where the disk is full or read-only.
    """
    try:
        made = tempfile.mkdtemp(suffix=files.TEMPORARY, prefix=".", dir=config_dir)
    except OSError as cause:
        raise FileFailed(str(config_dir), cause) from cause
    Path(made).chmod(0o711)  # a rehearsal's proxymap reads what is in it
    try:
        yield Path(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def build(config_dir: Path, room: Path, table: Table) -> list[files.Staged]:
    """Build one table in `room`, ready to be renamed, source before index.

    Raises CommandFailed when postmap fails or a key cannot be found again, Refusal
    where a hand-written line has one of the keys, FileFailed.
    """
    path = config_dir / table.path
    source = room / table.path.replace("/", "-")
    suffix = SUFFIX.get(table.type)
    staged = [files.Staged(source, path.resolve(), table.secret)]
    if suffix is not None:
        # Beside the name that main.cf has, wherever a link may lead.
        index = path.with_name(path.name + suffix).resolve()
        staged.append(files.Staged(source.with_name(source.name + suffix), index))
    try:
        path.parent.mkdir(mode=0o755, exist_ok=True)
        hand = {line.key: line for line in lines_of(table.hand or "")}
        if _editable(table, staged, hand):
            asked = _edit(config_dir, table, staged)
        else:
            asked = _write(source, table, hand)
            if suffix is not None:
                _postmap(config_dir, f"{table.type}:{source}", timeout=600)
        if table.type == POSTGREY:
            _judge(source, GREY_LISTS[Spared(table.path)])
        with ThreadPoolExecutor() as side_by_side:
            list(side_by_side.map(_finish, staged))
        _look_up(config_dir, f"{table.type}:{source}", asked)
        return [_beside(each, room) for each in staged]
    except OSError as cause:
        raise FileFailed(str(source), cause) from cause


def _judge(source: Path, which: Which) -> None:
    """Raise Refusal for a list that would kill postgrey, or let in everybody."""
    for line in perl.faults(files.read(source).text, which):
        raise Refusal(f"{line.sentence} Nothing was changed. Take that entry out.")


def hand_written(path: Path) -> str:
    """The lines of a table outside our block; nothing where it is not there.

    The last one ends in a newline, as it will once we have written. Raises
    FileFailed.
    """
    return _parts(path, *_identity(path))[0]


def digest(path: Path, *, block: bool) -> str:
    """SHA-256 of what we wrote: of the file, or of our block; "" where it is not.

    Raises FileFailed.
    """
    _, ours, whole = _parts(path, *_identity(path))
    return ours if block else whole


def _identity(path: Path) -> tuple[int, int, int]:
    try:
        seen = path.stat()
    except FileNotFoundError:
        return 0, 0, 0
    except OSError as cause:
        raise FileFailed(str(path), cause) from cause
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


@lru_cache(maxsize=32)
def _parts(path: Path, inode: int, size: int, changed: int) -> tuple[str, str, str]:
    """Hand-written lines, digest of our block, digest of all; read once a change."""
    del size, changed
    if inode == 0:
        return "", "", ""
    data = files.read(path).data
    whole = hashlib.sha256(data).hexdigest()
    span = managed_span(data)
    if span is None:
        return terminated(data.decode("utf-8", "surrogateescape")), "", whole
    ours = hashlib.sha256(memoryview(data)[span[0] : span[1]]).hexdigest()
    above, below = (
        part.decode("utf-8", "surrogateescape")
        for part in (data[: span[0]], data[span[1] :])
    )
    return terminated(terminated(above) + below), ours, whole


def _editable(
    table: Table, staged: list[files.Staged], hand: Mapping[str, Line]
) -> bool:
    """Whether a few edits are enough; else the table is made anew.

    Not where the index is older than its source, which somebody edited, nor where
    a hand-written line has the key: the index would be left with ours.
    """
    if table.edits is None or table.type not in EDITABLE:
        return False
    if not all(each.target.exists() for each in staged):
        return False
    source, index = (int(each.target.stat().st_mtime) for each in staged)
    return source <= index and not any(key in hand for key, _ in table.edits)


def _write(
    source: Path, table: Table, hand: Mapping[str, Line]
) -> list[tuple[str, str | None]]:
    """Write the whole source; a sample of its keys with their actions."""
    sample: list[tuple[str, str | None]] = []

    def watched(lines: Iterable[str]) -> Iterator[str]:
        for number, line in enumerate(lines):
            key, _, action = line.rstrip("\n").partition(" ")
            if key in hand and hand[key].action != action:
                raise Refusal(
                    f"{table.path} has “{key} {hand[key].action}” written by hand, "
                    "which comes first. Take that line out of the file and adopt the "
                    "edit, or take the entry out."
                )
            if number % EVERY == 0 and len(sample) < SAMPLE:
                sample.append((key, action))
            yield line

    source.touch(mode=SECRET if table.secret else PUBLIC)
    with source.open("w", encoding="utf-8", errors="surrogateescape", newline="") as to:
        if table.hand is None:
            to.write(HEADER)
            to.writelines(watched(table.lines()))
        else:
            to.write(terminated(table.hand))
            begun = False
            for line in watched(table.lines()):
                if not begun:
                    to.write(BEGIN)
                    begun = True
                to.write(line)
            if begun:
                to.write(END)
    source.chmod(SECRET if table.secret else PUBLIC)
    return [] if table.type not in SUFFIX else sample


def _edit(
    config_dir: Path, table: Table, staged: list[files.Staged]
) -> list[tuple[str, str | None]]:
    """Change a few keys in copies of the source and of the database."""
    edits = dict(table.edits or ())
    source, index = (each.temporary for each in staged)
    with ThreadPoolExecutor() as side_by_side:
        copied = side_by_side.submit(shutil.copyfile, staged[1].target, index)
        data = staged[0].target.read_bytes()
        source.write_bytes(_edited(data, edits, block=table.hand is not None))
        copied.result()
    gone = "".join(f"{key}\n" for key, do in edits.items() if do is None)
    come = "".join(f"{key} {do}\n" for key, do in edits.items() if do is not None)
    made = f"{table.type}:{source}"
    if gone:  # ends badly where one of them was not there
        run("postmap", "-c", str(config_dir), "-d", "-", made, given=gone, check=False)
    if come:
        _postmap(config_dir, "-r", "-i", made, given=come)
    return list(edits.items())


def _edited(data: bytes, edits: dict[str, str | None], *, block: bool) -> bytes:
    """The source with these keys gone, and the new lines at the end of our part."""
    new = "".join(f"{k} {do}\n" for k, do in edits.items() if do is not None).encode()
    span = managed_span(data) if block else (0, len(data))
    if span is None:
        text = terminated(data.decode("utf-8", "surrogateescape"))
        ours = f"{BEGIN}{new.decode()}{END}" if new else ""
        return (text + ours).encode("utf-8", "surrogateescape")
    body = data[span[0] : span[1]]
    for key in edits:
        start = body.find(b"\n" + key.encode() + b" ")
        if start >= 0:
            body = body[: start + 1] + body[body.index(b"\n", start + 1) + 1 :]
    close = END.encode() if block else b""
    body = body.removesuffix(close) + new
    if block and body == BEGIN.encode():
        body = close = b""  # no lines, no block
    return data[: span[0]] + body + close + data[span[1] :]


def _beside(staged: files.Staged, room: Path) -> files.Staged:
    """The file where a rename puts it into place: a link may lead to another disk."""
    if staged.target.parent.stat().st_dev == room.stat().st_dev:
        return staged
    name = f".{staged.target.name}{files.TEMPORARY}"
    moved = replace(staged, temporary=staged.target.with_name(name))
    moved.temporary.touch(mode=SECRET)
    shutil.copy2(staged.temporary, moved.temporary)
    _finish(moved)
    return moved


def _finish(staged: files.Staged) -> None:
    """Give a built file the mode and owner of the old one, and put it on the disk."""
    with staged.temporary.open("rb") as file:
        if staged.target.exists() and not staged.secret:
            old = staged.target.stat()
            os.fchown(file.fileno(), old.st_uid, old.st_gid)
            os.fchmod(file.fileno(), old.st_mode & 0o7777)
        os.fsync(file.fileno())


def _postmap(
    config_dir: Path, *words: str, timeout: float = 60, given: str = ""
) -> None:
    run("postmap", "-c", str(config_dir), *words, timeout=timeout, given=given)


def _look_up(
    config_dir: Path, table: str, expected: list[tuple[str, str | None]]
) -> None:
    """Ask the built table. Raises CommandFailed where an answer is another."""
    if not expected:
        return
    words = ("postmap", "-c", str(config_dir), "-q", "-", table)
    asked = "".join(f"{key}\n" for key, _ in expected)
    done = run(*words, given=asked, check=False, timeout=60)
    pairs = (line.partition("\t") for line in done.out.splitlines())
    found = {key: action for key, _, action in pairs}
    for key, action in expected:
        if found.get(key) != action:
            reason = f"{key!r} was built but is not found again"
            raise CommandFailed(f"postmap -q {table}", reason, done.err.strip())
