"""A list that cannot be trusted refuses nobody any more, by itself and at once.

What the worker found of its test points decides, or the log, where it refuses far more
than usual. It goes to test mode (an allow list, which has none, off) as a revision of
mailguard's own, and stays there until a person switches it on again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from mailguard.audit.services import MAILGUARD
from mailguard.changes import beside, services
from mailguard.changes.draft import alone
from mailguard.changes.models import Revision, State
from mailguard.errors import NotNow
from mailguard.protection import health, own_lists
from mailguard.protection import services as protection
from mailguard.protection.differences import Difference
from mailguard.protection.models import ListCheck
from mailguard.servers.models import Live, Server
from mailguard.traffic.surges import refused_since, surge
from postfixconf.errors import PostfixconfError
from postfixconf.policy.control import Control, Mode
from postfixconf.policy.policy import Policy

__all__ = ["Demoted", "demoted", "distrust", "watch"]

REASON = "not to be trusted: "
PATIENCE = timedelta(minutes=1)  # after an attempt that failed


@dataclass(frozen=True)
class Demoted:
    """A list that mailguard took back, and the revision that says why."""

    key: str
    title: str
    mode: str
    revision: Revision


def watch(server: Server) -> None:
    """Check the lists that are due, and take back what cannot be trusted."""
    health.look_after(server)
    causes = dict(distrusted(server))
    if not causes or services.unfinished(server) or failed_lately(server):
        return
    try:
        request(server, causes)
    except (NotNow, PostfixconfError):
        return  # the page of the list tells its fault, and the next turn tries again


def distrusted(server: Server) -> Iterator[tuple[str, str]]:
    """The key of each list that is live and cannot be trusted, and why."""
    checks, now = health.latest(server), timezone.now()
    controls = protection.live(server).controls
    for live in Live.objects.filter(server=server, mode=Mode.ON.value):
        each = controls.list_of(live.key)
        if each is None:
            continue
        row = checks.get(each.zone)
        if row is not None and not row.trusted:
            yield live.key, " ".join([*row.sentences, lost(server, live.key, row)])
        elif met := surge(server, live.key, now):
            yield live.key, met.sentence


def lost(server: Server, key: str, row: ListCheck) -> str:
    """How much it refused since it was last found well, as a sentence."""
    good = ListCheck.objects.filter(server=server, zone=row.zone, trusted=True)
    last = good.filter(at__isnull=False, at__lt=row.at).order_by("-at").first()
    since = last.at if last and last.at else row.asked_at
    count = refused_since(key, since)
    return f"Refused since the last good check ({since:%Y-%m-%d %H:%M:%S %Z}): {count}."


@transaction.atomic
def request(server: Server, causes: dict[str, str]) -> Revision:
    """Queue taking them back, and nothing of the draft. Raises NotNow."""
    controls = protection.live(server).controls
    made = [
        Difference(key, Mode.ON.value, gentler(controls.control(key)).value)
        for key in causes
    ]
    why = " ".join(f"{key}: {cause}" for key, cause in causes.items())
    reason = f"{REASON}{why}"[:1000]
    wanted = protection.wanted().modes
    for change in made:
        if wanted.get(change.what) is Mode.ON:  # no change of it waits
            protection.put(change=change, actor=MAILGUARD, reason=reason)
    wish = alone(server, made)
    if services.drift_of(server):  # a hand edit waits: everybody else does, too
        return beside.request(server=server, actor=MAILGUARD, reason=reason, wish=wish)
    return services.request_apply(
        server=server,
        actor=MAILGUARD,
        reason=reason,
        reload=server.prefer_reload,
        wish=wish,
    )


def gentler(control: Control) -> Mode:
    """The mode in which a list does no harm."""
    return Mode.TEST if Mode.TEST in control.modes else Mode.OFF


def failed_lately(server: Server) -> bool:
    """Whether an attempt to take a list back has just failed."""
    return Revision.objects.filter(
        server=server,
        state__in=(State.REFUSED, State.ROLLED_BACK, State.BROKEN),
        actor_name=MAILGUARD.name,
        reason__startswith=REASON,
        finished_at__gt=timezone.now() - PATIENCE,
    ).exists()


def demoted(server: Server) -> list[Demoted]:
    """The lists that mailguard took back and nobody has switched since."""
    ours = Revision.objects.filter(
        server=server, actor_name=MAILGUARD.name, reason__startswith=REASON
    )
    by_number = {row.number: row for row in ours}
    rows = Live.objects.filter(server=server, since_revision__in=by_number)
    controls = protection.wanted().controls
    return [
        Demoted(
            row.key,
            controls.control(row.key).title,
            row.mode,
            by_number[row.since_revision],
        )
        for row in rows.order_by("key")
        if controls.list_of(row.key) is not None and row.mode != Mode.ON
    ]


def distrust(server: Server, policy: Policy) -> str:
    """Why lists that a policy switches on may not go on; empty where they may.

    Asks the DNS: for the worker only.
    """
    live = Live.objects.filter(server=server, mode=Mode.ON.value)
    before, keys = set(live.values_list("key", flat=True)), protection.live(server).keys
    lists = [
        each
        for key, mode in policy.modes.items()
        if mode is Mode.ON and (each := policy.controls.list_of(key)) is not None
        # New, or asked with another key from now on.
        if key not in before or policy.keys.get(each.key) != keys.get(each.key)
    ]
    if not lists:
        return ""
    opened = own_lists.opened(policy)
    found = health.check_now(server=server, lists=lists, keys=opened)
    said = [
        f"{each.name}: {' '.join(fault.sentence for fault in found[each.zone].grave)}"
        for each in lists
        if found[each.zone].grave
    ]
    return f"{' '.join(said)} Nothing was changed." if said else ""
