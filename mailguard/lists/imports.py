"""The verbs on files of entries: check first, say what would happen, then all at once.

    uploaded ──► checking ──► checked ──► importing ──► done
                 good lines are    one transaction: all of them or none
                 staged, bad ones
                 reported

The check is in `checking.py`. Before the import is done no list knows of what is
staged.
"""

import logging
import secrets
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, Max, Min, OuterRef, QuerySet, Subquery
from django.utils import timezone
from kombu.exceptions import OperationalError

from mailguard.audit.services import Actor, record
from mailguard.errors import NotNow
from mailguard.lists.checking import roomy
from mailguard.lists.models import UNFINISHED, Entry, Import, Staged, State
from mailguard.lists.services import wanted

__all__ = [
    "cancel",
    "carry_out",
    "confirm",
    "sweep",
    "tend",
    "upload",
]

log = logging.getLogger(__name__)
SILENT = timedelta(seconds=15)
KEPT = timedelta(days=7)
WORK = "mailguard.lists.tasks.work"
# Sorted as the index that decides about conflicts, which is twice as fast.
PUBLISH = (
    "INSERT INTO lists_entry (side, kind, value, lookup, note, author_id, author_name, "
    "added_at, expires_at, waiting, removed) SELECT side, kind, value, lookup, note, "
    "%s, %s, %s, expires_at, %s, %s FROM lists_staged WHERE job_id = %s "
    "ORDER BY kind, value "
    "ON CONFLICT DO NOTHING"
)


def upload(*, name: str, chunks: Iterable[bytes], actor: Actor) -> Import:
    """Keep a file and have the worker check it."""
    forget_old()
    path = room() / f"{secrets.token_hex(16)}.csv"
    with path.open("xb") as file:
        path.chmod(0o600)
        for chunk in chunks:
            file.write(chunk)
    job = begin(name=name, path=path, actor=actor)
    transaction.on_commit(lambda: tell_worker(job))
    return job


def room() -> Path:
    """Where files and reports are kept, for our eyes only."""
    found = Path(settings.HOME) / "imports"
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    return found


def begin(*, name: str, path: Path, actor: Actor, ours: bool = True) -> Import:
    """A file that is there, ready to be checked."""
    room()
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
    mine = mine.filter(side=OuterRef("side"))
    moment = timezone.now()
    back = gone.filter(Exists(mine)).update(
        removed=False,
        waiting=False,
        note=Subquery(mine.values("note")[:1]),
        expires_at=Subquery(mine.values("expires_at")[:1]),
        author_id=job.author_id,
        author_name=job.author_name,
        added_at=moment,
    )
    with connection.cursor() as cursor:
        now = connection.ops.adapt_datetimefield_value(moment)
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


def sweep(*, job: Import) -> None:
    """Throw away what a finished import does not need any more."""
    with transaction.atomic():
        jobs = Staged.objects.aggregate(first=Min("job"), last=Max("job"))
        if set(jobs.values()) <= {job.pk, None}:
            Staged.objects.all().delete()  # SQLite drops the pages, not row by row
    mine = Staged.objects.filter(job=job).order_by("pk")
    while found := list(mine.values_list("pk", flat=True)[:20_000]):
        Staged.objects.filter(pk__gte=found[0], pk__lte=found[-1], job=job).delete()
    if job.ours:
        Path(job.path).unlink(missing_ok=True)
    if job.state == State.CANCELLED:
        job.report.unlink(missing_ok=True)


def forget_old() -> None:
    """Take away imports, and their reports, of more than a week ago."""
    idle = Import.objects.exclude(state=State.IMPORTING)
    for job in idle.filter(created_at__lt=timezone.now() - KEPT):
        if not idle.filter(pk=job.pk).update(state=State.CANCELLED):
            continue  # somebody has just confirmed it
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
