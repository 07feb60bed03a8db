"""The worker's side of the published list: fetch, judge, put in place, prove.

Fetching may take a minute, so it is done by a thread that touches no database, and an
apply never waits for it; the rest takes well under a second. A worker that is killed
finds the row again: what was being fetched is fetched anew, what was being put in place
is put in place once more, or is there already.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Thread

from django.db import transaction
from django.utils import timezone

from mailguard.audit.services import Actor, record
from mailguard.greylisting import refresh
from mailguard.greylisting.refresh_models import (
    OPEN,
    Refresh,
    Schedule,
    Source,
    State,
)
from mailguard.servers.models import Server
from postfixconf.errors import FileFailed, HostError, Locked, NotFetched, Refusal
from postfixconf.host import files
from postfixconf.host.download import Fetched, NotModified, fetch
from postfixconf.host.postgreys import readers
from postfixconf.host.refresh import (
    Applied,
    Broken,
    Outcome,
    Refused,
    RolledBack,
    digest,
    install,
    judged,
    text_of,
)
from postfixconf.policy.entries import Spared
from postfixconf.text.postgrey_files import written
from postfixconf.text.postgrey_lists import Which, parse
from postfixconf.text.postgrey_refresh import KEPT, LARGEST, passed_over

__all__ = ["path_of", "tend"]

MOST_NOTES = 10
LOOK_EVERY = timedelta(seconds=30)
KEEP = 50  # lists that can be put back
PACKAGED = ("whitelist_clients", "postgrey_whitelist_clients")


@dataclass
class Download:
    """One list on its way; `result` is there once the thread has ended."""

    thread: Thread
    result: Fetched | NotModified | NotFetched | None = None


downloads: dict[int, Download] = {}


def path_of(server: Server) -> Path:
    """Where the published list stands."""
    return Path(server.config_dir) / "mailguard" / "postgrey_published"


def tend(server: Server) -> None:
    """Ask for the list where it is due, and get on with what was asked for."""
    look(server)
    refresh.ask_if_due(server=server)
    row = refresh.unfinished(server)
    if row is None:
        return
    if row.state == State.INSTALLING:
        place(row)
    elif row.source == Source.WEB:
        get(row)
    else:
        judge(row, bytes(row.data))


def look(server: Server) -> None:
    """See, now and then, which of our lists no running postgrey was started with."""
    schedule, now = refresh.schedule_of(server), timezone.now()
    if schedule.looked_at and now - schedule.looked_at < LOOK_EVERY:
        return
    room = Path(server.config_dir)
    paths = [path_of(server), *(room / each for each in Spared)]
    unread = [str(path) for path in paths if not readers(path)]
    Schedule.objects.filter(pk=schedule.pk).update(unread=unread, looked_at=now)


def get(row: Refresh) -> None:
    """Begin to fetch, or take what has come."""
    download = downloads.get(row.pk)
    if download is None:
        Refresh.objects.filter(pk=row.pk).update(state=State.FETCHING)
        downloads.clear()
        downloads[row.pk] = begin(row)
        return
    if download.thread.is_alive():
        return
    result = downloads.pop(row.pk).result
    match result:
        case Fetched(data, etag, modified):
            row.etag, row.modified = etag, modified
            judge(row, data)
        case NotModified():
            said = "The web server has no other version than the one that is live."
            finish(row, State.UNCHANGED, said=said)
        case _:
            why = str(result) if result else "the transfer ended for an unknown reason"
            finish(row, State.REFUSED, cause=f"{capital(why)}. {KEPT}")


def begin(row: Refresh) -> Download:
    """Fetch in a thread: the version that is live does not have to come again."""
    known = refresh.live(row.server)
    etag = modified = ""
    if known and known.name == row.name and unchanged(row.server, known):
        etag, modified = known.etag, known.modified

    def work() -> None:
        try:
            download.result = fetch(
                row.name, etag=etag, modified=modified, largest=LARGEST
            )
        except NotFetched as cause:
            download.result = cause

    download = Download(Thread(target=work, daemon=True))
    download.thread.start()
    return download


def unchanged(server: Server, known: Refresh) -> bool:
    """Whether the file is still the list that was put in place."""
    try:
        return digest(path_of(server)) == digest_of(known)
    except FileFailed:
        return False


def digest_of(row: Refresh) -> str:
    """The digest of the file that a row made."""
    whole = written(row.text).encode("utf-8", "surrogateescape")
    return hashlib.sha256(whole).hexdigest()


def judge(row: Refresh, data: bytes) -> None:
    """See whether a list may go live; register what will be done, and do it."""
    server, known = row.server, refresh.live(row.server)
    before = known.text if known else packaged(server)
    most = 100 if row.source == Source.BACK else refresh.schedule_of(server).most
    try:
        document = judged(data, before, most=most)
    except Refusal as cause:
        finish(row, State.REFUSED, cause=str(cause))
        return
    except HostError as cause:
        finish(row, State.REFUSED, cause=f"{capital(str(cause))}. {KEPT}")
        return
    old = parse(before or "", Which.CLIENTS).values
    row.state, row.data = State.INSTALLING, data
    row.before = (before or "").encode("utf-8", "surrogateescape")
    row.expected = digest_of(known) if known and not row.over_edit else ""
    row.entries = len(document.values)
    row.come, row.go = len(document.values - old), len(old - document.values)
    row.notes = passed_over(document)[:MOST_NOTES]
    row.save()
    if known and known.text == row.text and unchanged(server, known):
        finish(row, State.UNCHANGED, said="It is the list that is live already.")
        return
    place(row)


def packaged(server: Server) -> str | None:
    """The package's list, which a first one is compared with; None where none is read.

    It belongs to the package manager and is never written.
    """
    for daemon in readers(path_of(server)):
        for which, path in daemon.lists:
            if which is Which.CLIENTS and path.name in PACKAGED:
                try:
                    return text_of(files.read(path).data)
                except FileFailed:
                    continue
    return None


def place(row: Refresh) -> None:
    """Put a list in place that was judged good. An apply at work is waited for."""
    path, expected = path_of(row.server), row.expected or None
    try:
        outcome: Outcome = install(row.text, path, expected=expected)
    except Locked:
        return  # the next turn finds the row again
    match outcome:
        case Applied(said):
            finish(row, State.APPLIED, said=said)
        case Refused(cause):
            finish(row, State.REFUSED, cause=cause)
        case RolledBack(cause):
            told = f"{capital(cause)}. The old list was put back, and postgrey answers."
            finish(row, State.ROLLED_BACK, cause=told)
        case Broken(cause, why):
            told = f"{capital(cause)}. The way back failed: {why}."
            finish(row, State.BROKEN, cause=told)


@transaction.atomic
def finish(row: Refresh, state: State, *, said: str = "", cause: str = "") -> None:
    """Write how it ended, once; what became live is on record."""
    row.state, row.said, row.cause = state, said, cause
    row.finished_at = timezone.now()
    if state is not State.APPLIED:
        row.data = b""
    done = Refresh.objects.filter(pk=row.pk, state__in=OPEN).exists()
    if not done:
        return
    row.save()
    if state is not State.APPLIED:
        return
    record(
        actor=Actor(row.author_id, row.author_name, row.address),
        what="published whitelist",
        before=f"{row.entries - row.come + row.go} entries",
        after=f"{row.entries} entries (+{row.come}, -{row.go})",
        reason=f"{row.get_source_display()}: {row.name}"[:1000],
    )
    forget(row.server)


def forget(server: Server) -> None:
    """Drop the texts of lists that are long gone; what was said of them stays."""
    rows = Refresh.objects.filter(server=server, state=State.APPLIED)
    old = list(rows.values_list("pk", flat=True)[KEEP : KEEP + 100])
    Refresh.objects.filter(pk__in=old).update(data=b"", before=b"")


def capital(sentence: str) -> str:
    """With a capital at the start and no full stop."""
    return sentence[:1].upper() + sentence[1:].rstrip(".")
