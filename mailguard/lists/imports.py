"""The verbs on files of entries: check first, say what would happen, then all at once.

    uploaded ──► checking ──► checked ──► importing ──► done
                 good lines are    one transaction: all of them or none
                 staged, bad ones
                 reported

A check works in slices of two seconds, so that an apply never waits for it. Nothing
that is staged is an entry: before the import is done no list knows of it.
"""

import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, Max, Min, OuterRef, QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError

from mailguard.audit.services import Actor, record
from mailguard.errors import NotNow
from mailguard.lists import csvfile
from mailguard.lists.checks import Guard, reaching
from mailguard.lists.models import UNFINISHED, Entry, Import, Staged, State
from mailguard.lists.services import wanted
from mailguard.servers import services as servers
from postfixconf.errors import BadValue
from postfixconf.policy.entries import Kind

__all__ = [
    "cancel",
    "carry_out",
    "check",
    "confirm",
    "refusals",
    "sweep",
    "tend",
    "upload",
]

log = logging.getLogger(__name__)
SLICE = 2.0  # seconds
BATCH = 5_000  # lines
LONGEST_LINE = 5_000  # bytes
LONGEST_QUOTE = 500  # characters of a refused line
SAMPLES = 10
ROOM = 100_000  # kB
SILENT = timedelta(seconds=15)
KEPT = timedelta(days=7)
WORK = "mailguard.lists.tasks.work"
STAGE = (
    "INSERT INTO lists_staged (job_id, line, side, kind, value, lookup, note, "
    "expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
)
# Sorted as the index that decides about conflicts, which is twice as fast.
PUBLISH = (
    "INSERT INTO lists_entry (side, kind, value, lookup, note, author_id, author_name, "
    "added_at, expires_at, waiting, removed) SELECT side, kind, value, lookup, note, "
    "%s, %s, %s, expires_at, %s, %s FROM lists_staged WHERE job_id = %s "
    "ORDER BY kind, value "
    "ON CONFLICT DO NOTHING"
)
Refusal = tuple[int, str, str]  # line, text, reason


def upload(*, name: str, chunks: Iterable[bytes], actor: Actor) -> Import:
    """Keep a file and have the worker check it."""
    forget_old()
    room = Path(settings.HOME) / "imports"
    room.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = room / f"{secrets.token_hex(16)}.csv"
    with path.open("xb") as file:
        path.chmod(0o600)
        for chunk in chunks:
            file.write(chunk)
    job = begin(name=name, path=path, actor=actor)
    transaction.on_commit(lambda: tell_worker(job))
    return job


def begin(*, name: str, path: Path, actor: Actor, ours: bool = True) -> Import:
    """A file that is there, ready to be checked."""
    total = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            total += chunk.count(b"\n")
    return Import.objects.create(
        name=name[:200],
        path=str(path),
        ours=ours,
        size=path.stat().st_size,
        total=total,
        author_id=actor.user_id,
        author_name=actor.name,
        address=actor.address,
    )


def check(*, job: Import, seconds: float = SLICE) -> bool:
    """Read on for so long; whether there is more to read."""
    waiting = Import.objects.filter(
        pk=job.pk, state__in=(State.UPLOADED, State.CHECKING)
    )
    if not waiting.update(state=State.CHECKING, touched_at=timezone.now()):
        return False
    job.refresh_from_db()
    guard, end = Guard.of(servers.local()), monotonic() + seconds
    with roomy(), Path(job.path).open("rb") as file, report_of(job) as report:
        file.seek(job.offset)
        while batch := list(islice(lines_of(file), BATCH)):
            if not read_batch(job, batch, guard, report):
                return False
            job.offset = file.tell()
            if not kept(job):
                return False
            if monotonic() > end:
                return True
    weigh(job)
    return False


@contextmanager
def roomy() -> Iterator[None]:
    """Give SQLite memory for the indexes of a million rows, as long as it takes.

    With its 2 MB, adding to them takes three times as long.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA cache_size = -{ROOM}")
        yield
        cursor.execute("PRAGMA cache_size = -2000")
        cursor.execute("PRAGMA shrink_memory")


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines that are left, of one too long only the beginning."""
    while line := file.readline(LONGEST_LINE):
        yield line
        while len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)


def report_of(job: Import) -> BinaryIO:
    """The report, without what a slice that was cut off wrote into it."""
    Path(job.report).touch(mode=0o600)
    report = Path(job.report).open("r+b")  # noqa: SIM115
    report.truncate(job.report_size)
    report.seek(job.report_size)
    return report


def read_batch(job: Import, batch: list[bytes], guard: Guard, report: BinaryIO) -> bool:
    """Stage the good lines and report the bad ones; false where it was cancelled."""
    good: list[tuple[int, csvfile.Line]] = []
    bad: list[Refusal] = []
    texts: dict[int, str] = {}
    for number, data in enumerate(batch, job.lines + 1):
        try:
            text = decoded(data, number)
            if number == 1:
                job.delimiter = csvfile.delimiter_of(text)
            if not text or (number == 1 and csvfile.is_header(text, job.delimiter)):
                continue
            texts[number] = text
            line = csvfile.read_line(text, job.delimiter, guard.read)
        except BadValue as cause:
            bad.append((number, shown(data), str(cause)))
        else:
            good.append((number, line))
    job.doubts = sampled(job.doubts, good)
    job.lines += len(batch)
    with transaction.atomic():
        if not Import.objects.filter(pk=job.pk, state=State.CHECKING).exists():
            return False
        bad += [(n, texts[n], why) for n, why in stage(job, good)]
    for refusal in sorted(bad):
        report.write(csvfile.line_of(refusal).encode())
    report.flush()
    job.refused += len(bad)
    job.report_size = report.tell()
    return True


def decoded(data: bytes, number: int) -> str:
    """The text of a line. Raises BadValue."""
    if len(data) >= LONGEST_LINE:
        raise BadValue(shown(data), f"longer than {LONGEST_LINE} bytes")
    try:
        text = data.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise BadValue(shown(data), "holds bytes that are not UTF-8") from None
    return text.rstrip("\r\n")


def shown(data: bytes) -> str:
    """A line as the report quotes it: on one line, with odd characters as marks."""
    text = data.decode("utf-8", "backslashreplace").rstrip("\r\n")[:LONGEST_QUOTE]
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def sampled(known: list[str], good: list[tuple[int, csvfile.Line]]) -> list[str]:
    """A few lines that reach far, for the preview."""
    found = list(known)
    for number, line in good:
        if len(found) >= SAMPLES:
            break
        if line.entry.kind not in (Kind.SENDER, Kind.HELO):
            found += [f"Line {number}: {each}" for each in reaching(line.entry)]
    return found[:SAMPLES]


def stage(
    job: Import, good: list[tuple[int, csvfile.Line]]
) -> Iterator[tuple[int, str]]:
    """Keep the good lines; (line, why) of each that stands in the file already."""
    adapt = connection.ops.adapt_datetimefield_value
    rows = [
        (
            job.pk,
            number,
            line.entry.side.value,
            line.entry.kind.value,
            line.entry.value,
            line.entry.lookup.value,
            line.note,
            line.expires_at and adapt(line.expires_at),
        )
        for number, line in good
    ]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.executemany(STAGE, rows)
        if cursor.rowcount == len(rows):
            return
    values = {line.entry.value for _, line in good}
    told = Staged.objects.filter(job=job, value__in=values)
    first = {(each.kind, each.value): each for each in told}
    for number, line in good:
        known = first[line.entry.kind, line.entry.value]
        if known.line != number:
            yield number, f"line {known.line} has it already, on the {known.side} list"


def kept(job: Import) -> bool:
    """Write down how far the check is; false where it was cancelled."""
    fields = ("offset", "lines", "refused", "report_size", "delimiter", "doubts")
    return bool(
        Import.objects.filter(pk=job.pk, state=State.CHECKING).update(
            touched_at=timezone.now(), **{name: getattr(job, name) for name in fields}
        )
    )


def weigh(job: Import) -> None:
    """The end of a check: what the import would do."""
    mine = Staged.objects.filter(job=job)
    known = wanted().filter(kind=OuterRef("kind"), value=OuterRef("value"))
    there = mine.filter(Exists(known.filter(side=OuterRef("side")))).count()
    moved = mine.filter(Exists(known.exclude(side=OuterRef("side")))).count()
    job.there, job.moved = there, moved
    job.added, job.total = mine.count() - there - moved, job.lines
    Import.objects.filter(pk=job.pk, state=State.CHECKING).update(
        state=State.CHECKED, there=there, moved=moved, added=job.added, total=job.lines
    )
    job.refresh_from_db()


def confirm(*, job: Import, tell: bool = True) -> None:
    """Have a checked file imported. Raises NotNow."""
    asked = Import.objects.filter(pk=job.pk, state=State.CHECKED).update(
        state=State.IMPORTING, touched_at=timezone.now()
    )
    if not asked:
        job.refresh_from_db()
        raise NotNow(f"{job.name} is {job.get_state_display()}. Nothing was changed.")
    job.refresh_from_db()
    if tell:
        transaction.on_commit(lambda: tell_worker(job))


def cancel(*, job: Import) -> None:
    """Forget a file that is not imported yet. Raises NotNow once that has begun."""
    early = Import.objects.filter(pk=job.pk, state__in=UNFINISHED)
    if not early.exclude(state=State.IMPORTING).update(state=State.CANCELLED):
        job.refresh_from_db()
        raise NotNow(f"{job.name} is {job.get_state_display()}: too late to cancel.")
    job.refresh_from_db()
    sweep(job=job)


def carry_out(*, job: Import) -> None:
    """Import a checked file that somebody confirmed: all of it, or nothing."""
    Import.objects.filter(pk=job.pk).update(touched_at=timezone.now())
    try:
        with roomy(), transaction.atomic():
            done = Import.objects.filter(pk=job.pk, state=State.IMPORTING)
            if not done.update(state=State.DONE):
                return
            done = Import.objects.filter(pk=job.pk)
            added, moved = publish(job)
            done.update(added=added - moved, moved=moved)
    except (NotNow, DatabaseError) as cause:
        Import.objects.filter(pk=job.pk, state=State.IMPORTING).update(
            state=State.FAILED, cause=f"{cause}. Nothing was imported."[:1000]
        )
    job.refresh_from_db()
    sweep(job=job)


def publish(job: Import) -> tuple[int, int]:
    """Make entries of what is staged; how many came, and how many changed side."""
    mine = Staged.objects.filter(
        job=job, kind=OuterRef("kind"), value=OuterRef("value")
    )
    others = wanted().filter(Exists(mine.exclude(side=OuterRef("side"))))
    moved = drop(others)
    gone = Entry.objects.filter(waiting=True, removed=True, claimed=None)
    same = gone.filter(Exists(mine.filter(side=OuterRef("side"))))
    back = same.update(removed=False, waiting=False)
    with connection.cursor() as cursor:
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        cursor.execute(
            PUBLISH, (job.author_id, job.author_name, now, True, False, job.pk)
        )
        added = cursor.rowcount + back
    if added:
        actor = Actor(job.author_id, job.author_name, job.address)
        told = f"+{added:,} from {job.name}"
        reason = f"import of {job.name}"
        record(actor=actor, what="entries", before="", after=told, reason=reason)
    return added, moved


def drop(rows: QuerySet[Entry]) -> int:
    """Take entries off the list that the file has on the other; how many."""
    if rows.filter(claimed__isnull=False).exists():
        raise NotNow("Some of these entries are being applied right now")
    found = rows.values("pk")
    count = Entry.objects.filter(pk__in=found, since_revision=None).delete()[0]
    return count + Entry.objects.filter(pk__in=found).update(removed=True, waiting=True)


def refusals(job: Import, most: int) -> list[Refusal]:
    """The first refused lines."""
    if not Path(job.report).exists():
        return []
    with Path(job.report).open(encoding="utf-8") as report:
        cells = (csvfile.split(line.rstrip("\r\n"), ",") for line in report)
        return [(int(line), text, why) for line, text, why in islice(cells, most)]


def sweep(*, job: Import) -> None:
    """Throw away what a finished import does not need any more."""
    jobs = Staged.objects.aggregate(first=Min("job"), last=Max("job"))
    if set(jobs.values()) <= {job.pk, None}:
        Staged.objects.all().delete()  # SQLite drops the pages, not row by row
    mine = Staged.objects.filter(job=job).order_by("pk")
    while found := list(mine.values_list("pk", flat=True)[:20_000]):
        Staged.objects.filter(pk__gte=found[0], pk__lte=found[-1], job=job).delete()
    if job.ours:
        Path(job.path).unlink(missing_ok=True)
    if job.state == State.CANCELLED:
        Path(job.report).unlink(missing_ok=True)


def forget_old() -> None:
    """Take away imports, and their reports, of more than a week ago."""
    for job in Import.objects.filter(created_at__lt=timezone.now() - KEPT):
        Import.objects.filter(pk=job.pk).update(state=State.CANCELLED)
        job.refresh_from_db()
        sweep(job=job)
        job.delete()


def tend() -> None:
    """Remind the worker of what nobody has got on with: the broker was away."""
    silent = timezone.now() - SILENT
    moving = (State.UPLOADED, State.CHECKING, State.IMPORTING)
    for job in Import.objects.filter(state__in=moving, touched_at__lt=silent):
        tell_worker(job)


def tell_worker(job: Import) -> None:
    """Put an import on the server's queue, by id. With the broker down it waits."""
    try:
        current_app.send_task(WORK, (job.pk,), queue="server.local")
    except (OperationalError, OSError) as cause:
        log.warning("the broker is down, import %d waits: %s", job.pk, cause)
