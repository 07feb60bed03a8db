"""Reading a file of entries: good lines are staged, bad ones reported.

A check works in slices of two seconds, so that an apply never waits for it; one that
was killed is taken up where the row says. Nothing that is staged is an entry.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from mailguard.lists import csvfile
from mailguard.lists.checks import Guard, reaching
from mailguard.lists.models import Import, Staged, State
from mailguard.lists.services import wanted
from mailguard.servers import services as servers
from postfixconf.errors import BadValue
from postfixconf.policy.entries import Kind

__all__ = ["check", "refusals", "roomy"]

SLICE = 2.0  # seconds
BATCH = 25_000  # lines: each commit writes the index's pages anew
LONGEST_LINE = 5_000  # bytes
LONGEST_QUOTE = 500  # characters of a refused line
SAMPLES = 10
ROOM = 100_000  # kB
STAGE = (
    "INSERT INTO lists_staged (job_id, line, side, kind, value, lookup, note, "
    "expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
)
Refusal = tuple[int, str, str]  # line, text, reason


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
    job.report.touch(mode=0o600)
    report = job.report.open("r+b")
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


def refusals(job: Import, most: int) -> list[Refusal]:
    """The first refused lines."""
    if not job.report.exists():
        return []
    with job.report.open(encoding="utf-8") as report:
        cells = (csvfile.split(line.rstrip("\r\n"), ",") for line in report)
        return [(int(line), text, why) for line, text, why in islice(cells, most)]
