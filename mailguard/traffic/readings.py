"""Older logs that were asked for, read from beginning to end, slice by slice.

Several processes may carry on with the same reading: the place moves in the
transaction in which the lines before it are kept, and whoever comes second does
nothing.
"""

import fcntl
import gc
import marshal
import os
import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import NamedTuple, cast

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from mailguard.servers.models import Server
from mailguard.traffic import suggesting
from mailguard.traffic.intake import REPLAYED, keep, log_of, source_for
from mailguard.traffic.models import Log, Reading
from mailguard.traffic.rows import Row
from mailguard.traffic.understanding import Part, Reader
from postfixconf.errors import FileFailed, HostError, PostfixconfError
from postfixconf.host import logs
from postfixconf.host.logs import Bookmark

__all__ = ["carry_on", "read_whole", "tend"]

AT_ONCE = 1 << 20  # bytes kept in one transaction by the worker
WHOLE = 8 << 20  # bytes understood at once by the command
TOGETHER = 1.5  # seconds that its transactions take: others wait so long to write
AHEAD = 8  # messages that wait to be sent while the next part is made
PIPE = 1 << 20  # bytes in the pipe, as many as a plain user may have
HELD = timedelta(minutes=1)  # after that, whoever held a reading is gone
State = Reading.State


def tend(server: Server, seconds: float = 0.5) -> None:
    """Carry on with the first reading that is not done."""
    idle = Q(held_at=None) | Q(held_at__lt=timezone.now() - HELD)
    reading = Reading.objects.filter(idle, server=server, state__in=Reading.OPEN).last()
    if reading is not None:
        carry_on(reading, seconds)


def carry_on(reading: Reading, seconds: float) -> None:
    """Read on for at most about `seconds`."""
    end = time.monotonic() + seconds
    parts = parts_of.pop(reading.pk, None)
    with failing(reading):
        if parts is None or parts.position != reading.position:
            parts = Parts(reading, AT_ONCE)
        parts.reader.domains_only = log_of(reading.server).domains_only
        for told in parts:
            if not write(reading, told) or time.monotonic() > end:
                break
        if reading.moving:
            parts_of[reading.pk] = parts
        suggest(reading)


def read_whole(reading: Reading) -> Iterator[Reading]:
    """Read to the end, with a process of its own to understand what is read.

    Gives the reading each time something was kept.
    """
    hold(reading)
    parts = None
    with failing(reading):
        parts = Parts(reading, WHOLE)
    if parts is None:
        return
    ours, theirs = Pipe(duplex=False)
    process = get_context("fork").Process(target=send, args=(parts, theirs, ours))
    process.start()
    theirs.close()
    with suppress(OSError):
        fcntl.fcntl(ours.fileno(), fcntl.F_SETPIPE_SZ, PIPE)
    gc.disable()  # millions of rows pass through, none of them in a circle
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA cache_size = -128000")  # 128 MB
            cursor.execute("PRAGMA wal_autocheckpoint = 16000")  # pages
    try:
        with failing(reading):
            while reading.moving and write_together(reading, ours):
                hold(reading)
                yield reading
            suggest(reading)
    finally:
        gc.enable()
        Reading.objects.filter(pk=reading.pk).update(held_at=None)
        ours.close()
        process.kill()
        process.join()


def hold(reading: Reading) -> None:
    """Have the worker leave this reading alone for a while."""
    Reading.objects.filter(pk=reading.pk).update(held_at=timezone.now())


def send(parts: "Parts", pipe: Connection, others: Connection) -> None:
    """In the process that reads: every part, then what went wrong.

    `others` is the end of the one who takes it, held by him alone: where he was
    killed, this process ends as well.
    """
    others.close()
    gc.disable()
    ready: Queue[bytes | None] = Queue(AHEAD)
    sender = Thread(target=pass_on, args=(ready, pipe))
    sender.start()
    try:
        for told in parts:
            rows = [*map(tuple, told.part.rows)]
            ready.put(pickle.dumps(told._replace(part=told.part._replace(rows=[]))))
            ready.put(marshal.dumps(rows, 2))  # quicker than pickle
    except PostfixconfError as cause:
        ready.put(pickle.dumps(HostError(str(cause))))  # not every error can be sent
    ready.put(None)
    sender.join()


def pass_on(ready: "Queue[bytes | None]", pipe: Connection) -> None:
    """Send what is ready while the next part is made, until there is no more."""
    try:
        while (data := ready.get()) is not None:
            pipe.send_bytes(data)
    except BrokenPipeError:
        os._exit(1)  # who would take it is gone


def received(pipe: Connection) -> "Told | PostfixconfError":
    """The next part, or what the other process raised."""
    try:
        told = pipe.recv()
        if isinstance(told, PostfixconfError):
            return told
        told_rows = marshal.loads(pipe.recv_bytes())  # noqa: S302 from our own process
        rows = [*map(Row._make, told_rows)]
    except EOFError:
        return HostError("the process that reads the log has ended")
    return cast(Told, told._replace(part=told.part._replace(rows=rows)))


def write_together(reading: Reading, pipe: Connection) -> bool:
    """Keep the parts of a second or so in one transaction; whether more are to come.

    Most pages of an index change with every part, and are written once for all of
    them. Raises what the other process raised, after what came before it was kept.
    """
    told, end = received(pipe), time.monotonic() + TOGETHER
    with transaction.atomic():
        more = isinstance(told, Told) and write(reading, told)
        while more and pipe.poll(max(0.0, end - time.monotonic())):
            told = received(pipe)
            more = isinstance(told, Told) and write(reading, told)
    if isinstance(told, PostfixconfError):
        raise told
    return more


@contextmanager
def failing(reading: Reading) -> Iterator[None]:
    """A file that cannot be read is a reading that failed, and no more."""
    try:
        yield
    except PostfixconfError as cause:
        Reading.objects.filter(pk=reading.pk, state__in=Reading.OPEN).update(
            state=State.FAILED, cause=str(cause)[:1000]
        )
        reading.refresh_from_db()


class Told(NamedTuple):
    """What a stretch of a file tells, and the position behind it."""

    before: int
    position: int
    size: int
    part: Part
    ended: bool


class Parts:
    """What a file tells from where a reading is, stretch by stretch.

    What is going on there is known from the lines before.
    """

    def __init__(self, reading: Reading, at_once: int) -> None:
        self.position = reading.position
        log = log_of(reading.server)
        self.reader = Reader(reading.server, domains_only=log.domains_only)
        path = found_again(reading)
        if self.position:
            self.reader.recall(logs.before(path, self.position, REPLAYED))
        self._size = max(path.stat().st_size, self.position)
        self._slices = logs.slices(
            path, self.position, at_once, reading.until, least=AT_ONCE
        )

    def __iter__(self) -> Iterator[Told]:
        for data, position, ended in self._slices:
            before, self.position = self.position, position
            part = self.reader.end() if ended else self.reader.read(data)
            yield Told(before, position, max(self._size, position), part, ended)


def found_again(reading: Reading) -> Path:
    """Where the file is by now. Raises PostfixconfError."""
    path = Path(reading.path)
    with suppress(PostfixconfError):
        if logs.known_as(path, [reading.fingerprint]):
            return path
    bookmark = Bookmark.from_json(log_of(reading.server).bookmark)
    for old in source_for(reading.server).older(bookmark):
        if old.fingerprint == reading.fingerprint:
            return old.path
    raise FileFailed(str(path), OSError("what was to be read is not there any more"))


parts_of: dict[int, Parts] = {}


def write(reading: Reading, told: Told) -> bool:
    """Keep what was told and move the place; whether there is more to come."""
    part = told.part
    with transaction.atomic(savepoint=False):
        log = Log.objects.select_for_update().get(pk=log_of(reading.server).pk)
        moved = Reading.objects.filter(
            pk=reading.pk, position=told.before, state__in=Reading.OPEN
        ).update(
            position=told.position,
            size=told.size,
            lines=F("lines") + part.lines,
            state=State.DONE if told.ended else State.READING,
        )
        if moved:
            new = keep(log, part)
            found = Reading.objects.filter(pk=reading.pk)
            found.update(attempts=F("attempts") + new)
    reading.refresh_from_db()
    return bool(moved) and not told.ended


def suggest(reading: Reading) -> None:
    """Work out suggestions from what was read: it is old, and no news to catch_up."""
    if reading.state == State.DONE:
        suggesting.work_out(reading.server)
