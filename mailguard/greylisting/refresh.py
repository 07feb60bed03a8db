"""The verbs on the published list. Nothing here fetches or writes it: the worker does.

A list that shall go live is a row first; `refresh_worker.py` carries it out.
"""

from datetime import datetime, timedelta

from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from mailguard.audit.services import MAILGUARD, Actor, record
from mailguard.errors import NotNow
from mailguard.greylisting.refresh_models import (
    OPEN,
    Every,
    Refresh,
    Schedule,
    Source,
    State,
)
from mailguard.servers.broker import broker_alive
from mailguard.servers.models import Server
from postfixconf.errors import BadValue, quoted
from postfixconf.host.download import read_url

__all__ = [
    "ask",
    "ask_if_due",
    "due_at",
    "latest",
    "live",
    "missed",
    "put_back",
    "schedule",
    "schedule_of",
    "unfinished",
    "unread",
    "upload",
]

TEND = "mailguard.greylisting.tasks.refresh"
AGAIN = timedelta(days=1)  # after an attempt that failed
GOOD = (State.APPLIED, State.UNCHANGED)


def schedule_of(server: Server) -> Schedule:
    """When the list is fetched, and from where; made at the first call."""
    row, _ = Schedule.objects.get_or_create(server=server)
    return row


def unread(server: Server) -> list[str]:
    """Those of our lists that no running postgrey was started with, as last seen."""
    return list(schedule_of(server).unread)


def latest(server: Server) -> Refresh | None:
    """The last attempt that has ended."""
    return Refresh.objects.filter(server=server).exclude(state__in=OPEN).first()


def missed(server: Server) -> Refresh | None:
    """The last attempt, where the list shall be fetched by itself and was not."""
    last = latest(server)
    if last is None or last.state in GOOD or last.source != Source.WEB:
        return None
    return last if due_at(server) is not None else None


def live(server: Server) -> Refresh | None:
    """The list that was put in place last; None where there was none yet."""
    return Refresh.objects.filter(server=server, state=State.APPLIED).first()


def unfinished(server: Server) -> Refresh | None:
    """The attempt that is under way."""
    return Refresh.objects.filter(server=server, state__in=OPEN).last()


def due_at(server: Server) -> datetime | None:
    """When the list is fetched next by itself; None where it is not."""
    interval = Every(schedule_of(server).every).interval
    if interval is None:
        return None
    last = Refresh.objects.filter(server=server, source=Source.WEB).first()
    if last is None:
        return timezone.now()
    wait = interval if last.state in GOOD else min(interval, AGAIN)
    return last.asked_at + wait


@transaction.atomic
def schedule(*, server: Server, every: str, url: str, most: int, actor: Actor) -> bool:
    """Fetch it from there, so often; False where that is so already.

    `most` is the percent of its entries that may be gone at once. Raises BadValue,
    which quotes what is wrong.
    """
    if every not in Every.values:
        raise BadValue(every, f"choose one of {', '.join(Every.values)}")
    if not 0 <= most <= 100:
        raise BadValue(str(most), "a share is from 0 to 100 percent")
    row, url = schedule_of(server), read_url(url)
    before, row.every, row.url, row.most = told(row), every, url, most
    if before == told(row):
        return False
    row.save()
    what = "refresh of the published whitelist"
    record(actor=actor, what=what, before=before[:1000], after=told(row)[:1000])
    return True


def told(row: Schedule) -> str:
    """A schedule in words."""
    most = f"at most {row.most} % fewer entries"
    return f"{Every(row.every).label}, from {row.url}, {most}"


def ask(*, server: Server, actor: Actor, over_edit: bool = False) -> Refresh:
    """Fetch it now. Raises NotNow while that is under way.

    With `over_edit` it replaces a list that somebody edited by hand.
    """
    url = schedule_of(server).url
    return _enqueue(server, actor, Source.WEB, url, over_edit=over_edit)


def ask_if_due(*, server: Server) -> Refresh | None:
    """Fetch it where its time has come."""
    at = due_at(server)
    if at is None or at > timezone.now() or unfinished(server):
        return None
    return ask(server=server, actor=MAILGUARD)


def upload(*, server: Server, name: str, data: bytes, actor: Actor) -> Refresh:
    """Have the worker judge a file, and put it in place. Raises NotNow."""
    return _enqueue(server, actor, Source.FILE, name[:200], data=data)


def put_back(*, server: Server, row: Refresh, actor: Actor) -> Refresh:
    """Have a list again that was live once. Raises NotNow."""
    if row.state != State.APPLIED or not row.data:
        raise NotNow(
            f"The list of {row.asked_at:%Y-%m-%d %H:%M} is not kept, or never was "
            "live. Nothing was changed."
        )
    name = f"the list of {row.asked_at:%Y-%m-%d %H:%M}"
    return _enqueue(server, actor, Source.BACK, name, data=bytes(row.data))


@transaction.atomic
def _enqueue(
    server: Server, actor: Actor, source: Source, name: str, **columns: object
) -> Refresh:
    Server.objects.select_for_update().get(pk=server.pk)
    busy = unfinished(server)
    if busy is not None:
        raise NotNow(
            f"{quoted(busy.name)} is {busy.get_state_display()}. Nothing was changed; "
            "ask again when that has ended."
        )
    row = Refresh.objects.create(
        server=server,
        source=source,
        name=name,
        author_id=actor.user_id,
        author_name=actor.name,
        address=actor.address,
        **columns,
    )
    transaction.on_commit(lambda: _tell_worker(server))
    return row


def _tell_worker(server: Server) -> None:
    """Wake the worker; without a broker it finds the row when it next looks."""
    if not broker_alive():
        return
    try:
        current_app.send_task(TEND, (server.name,), queue=f"server.{server.name}")
    except (OperationalError, OSError):
        return
