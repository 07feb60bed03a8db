"""Whether the lists in the DNS can be trusted: what the worker found, for everybody.

Pages read rows; only what says so asks the DNS.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from mailguard.protection import own_lists, services
from mailguard.protection.models import ListCheck, ListDay, Setting
from mailguard.protection.past_checks import Past, count, past
from mailguard.servers.models import Live, Server
from mailguard.traffic.days import day_of
from postfixconf.host.dnsbl import Health, check
from postfixconf.policy.blocklists import Blocklist
from postfixconf.policy.control import Mode
from postfixconf.policy.keyed import Keys

__all__ = [
    "EVERY",
    "Standing",
    "ask",
    "askable",
    "check_now",
    "latest",
    "look_after",
    "standing",
]

EVERY = timedelta(seconds=60)  # from one check of a list that is on to the next
KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Standing:
    """What is known of a list: the last check, whether one waits, and the history."""

    last: ListCheck | None
    waiting: bool
    past: Past


def standing(server: Server) -> dict[str, Standing]:
    """What is known of each list, by zone."""
    last, rows = latest(server), ListCheck.objects.filter(server=server)
    waiting = set(rows.filter(at=None).values_list("zone", flat=True))
    zones = [each.zone for each in known(server)]
    return {
        zone: Standing(last.get(zone), zone in waiting, told)
        for zone, told in past(server, zones).items()
    }


def known(server: Server) -> list[Blocklist]:
    """Every list that is wanted or live, or that everybody knows."""
    policies = (services.wanted(), services.live(server))
    found = {x.zone: x for policy in policies for x in policy.controls.lists}
    return list(found.values())


def askable(server: Server) -> list[Blocklist]:
    """Those that can be asked: all but the ones whose key nobody has typed."""
    keys = opened(server)
    return [each for each in known(server) if not each.key or each.key in keys]


def opened(server: Server) -> Keys:
    """The keys to ask with: those that are live, and others that are wanted."""
    wanted, live = services.wanted(), services.live(server)
    return {**own_lists.opened(wanted), **own_lists.opened(live)}


def latest(server: Server) -> dict[str, ListCheck]:
    """The last finished check of each list that was ever checked, by zone."""
    found = {}
    for each in known(server):
        rows = ListCheck.objects.filter(server=server, zone=each.zone)
        row = rows.filter(at__isnull=False).order_by("-at").first()
        if row is not None:
            found[each.zone] = row
    return found


@transaction.atomic
def ask(*, server: Server, lists: Iterable[Blocklist]) -> None:
    """Have lists checked by the worker; one that waits already is not asked twice."""
    rows = ListCheck.objects.filter(server=server, at=None)
    waiting = set(rows.values_list("zone", flat=True))
    for each in lists:
        if each.zone not in waiting:
            ListCheck.objects.create(
                server=server, zone=each.zone, asked_at=timezone.now()
            )


def look_after(server: Server) -> None:
    """Check what is due, and forget what is too old. For the worker only."""
    now = timezone.now()
    if lists := due(server, now):
        check_now(server=server, lists=lists, keys=opened(server))
    ListCheck.objects.filter(at__lt=now - KEPT).delete()
    ListDay.objects.filter(day__lt=day_of(now - KEPT)).delete()


def due(server: Server, now: datetime) -> list[Blocklist]:
    """The lists somebody asked for, and those in use that were not checked lately."""
    rows = ListCheck.objects.filter(server=server)
    asked = set(rows.filter(at=None).values_list("zone", flat=True))
    fresh = set(rows.filter(at__gt=now - EVERY).values_list("zone", flat=True))
    used = {each.zone for each in in_use(server)}
    able = askable(server)
    rows.filter(at=None).exclude(zone__in=[each.zone for each in able]).delete()
    return [x for x in able if x.zone in asked or x.zone in used - fresh]


def in_use(server: Server) -> list[Blocklist]:
    """The lists of controls that are not off, live or in the draft."""
    live = Live.objects.filter(server=server).exclude(mode=Mode.OFF)
    wanted = Setting.objects.exclude(mode=Mode.OFF)
    keys = {*live.values_list("key", flat=True), *wanted.values_list("key", flat=True)}
    return [
        each
        for each in known(server)
        if any(f"{asked}:{each.zone}" in keys for asked in each.asked)
    ]


def check_now(
    *, server: Server, lists: Iterable[Blocklist], keys: Keys
) -> dict[str, Health]:
    """Ask the DNS about these lists, and keep what was found. For the worker only."""
    found, now = check(lists, keys=keys), timezone.now()
    with transaction.atomic():
        rows = ListCheck.objects.filter(server=server, zone__in=found, at=None)
        rows.delete()
        for zone, health in found.items():
            ListCheck.objects.create(
                server=server,
                zone=zone,
                asked_at=now,
                at=now,
                faults=[each.value for each in health.faults],
                trusted=not health.grave,
                ms=health.ms,
            )
        count(server, found.values(), now)
    return found
