"""Who still signs in on port 25: what must be known before AUTH is switched off there.

Where a submission service has no name of its own in the log, nobody knows who uses
port 25: then everybody who may be meant is named.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db.models import Max, Sum
from django.utils import timezone

from mailguard.marks import visible
from mailguard.servers.models import Server
from mailguard.traffic.models import Log, Usage
from mailguard.traffic.times import microseconds, time_of
from mailguard.traffic.used import HIDDEN, seen_of
from postfixconf.policy.linting.seen import Seen
from postfixconf.policy.ports import FRONT, UNKNOWN, doors, ports

__all__ = [
    "AUTH_ON_25",
    "DAYS",
    "Person",
    "Still",
    "front_number",
    "named",
    "still_on_25",
]

AUTH_ON_25 = "auth_on_25"  # the control's key
DAYS = 30
MOST = 1000  # people that are looked at
FEW = 8  # of them named in a sentence
LONGEST = 60  # characters shown of a name


@dataclass(frozen=True)
class Person:
    """Somebody who signed in: `name` as it may be shown, recipients, last time."""

    name: str
    count: int
    last: datetime
    certain: bool


@dataclass(frozen=True)
class Still:
    """Who signed in on port 25 within the last DAYS days, the latest first.

    Those whose port the log does not tell are not `certain`. `nameless` says that it
    cannot tell even now: a submission service has no name of its own there. `since` is
    from when on the log was read, None where it was not; `port` where this server has
    its port 25.
    """

    people: tuple[Person, ...]
    nameless: bool
    since: datetime | None
    port: str = FRONT

    @cached_property
    def certain(self) -> tuple[Person, ...]:
        """Those on port 25."""
        return tuple(each for each in self.people if each.certain)

    @cached_property
    def perhaps(self) -> tuple[Person, ...]:
        """Those on a port that the log does not tell."""
        return tuple(each for each in self.people if not each.certain)

    @property
    def sentence(self) -> str:
        """Who it is, in words; "" for nobody. It has names that others chose."""
        said = []
        if self.certain:
            names = listed(self.certain)
            verb = "sends" if len(self.certain) == 1 else "send"
            users = users_of(self.certain)
            said.append(f"{users} still {verb} through port {self.port}: {names}.")
        if self.perhaps:
            verb = "sends" if len(self.perhaps) == 1 else "send"
            said.append(
                f"{users_of(self.perhaps)} {verb} through a port that the log does not "
                f"tell: {listed(self.perhaps)}."
            )
        return " ".join(said)


def still_on_25(server: Server) -> Still:
    """Who may be unable to send once nobody can sign in on port 25."""
    oldest = microseconds(timezone.now() - timedelta(days=DAYS))
    rows = Usage.objects.filter(
        server=server, port__in=(FRONT, UNKNOWN), last_at__gte=oldest
    ).exclude(user="")
    found: dict[int, Person] = {}
    groups = rows.values_list("who", "port").annotate(
        name=Max("user"), total=Sum("count"), last=Max("last_at")
    )
    for who, port, name, total, last in groups.order_by("-last")[:MOST]:
        person = Person(named(name), total, time_of(last), port == FRONT)
        if who not in found or person.certain:
            found[who] = person
    log, seen = Log.objects.filter(server=server).first(), seen_of(server)
    return Still(
        tuple(sorted(found.values(), key=lambda each: each.last, reverse=True)),
        is_nameless(seen),
        log.since if log else None,
        front_number(seen),
    )


def is_nameless(seen: Seen | None) -> bool:
    """Whether port 25 shares its name in the log with another."""
    return seen is not None and UNKNOWN in ports(seen).values()


def front_number(seen: Seen | None) -> str:
    """Where other servers reach this one: "25" but on a private instance."""
    found = (each.number for each in doors(seen) if each.port == FRONT) if seen else ()
    return next(iter(found), FRONT)


def named(user: str) -> str:
    """A user as a page or a sentence may show it."""
    if user == HIDDEN:
        return "somebody whose name is not kept"
    if user.startswith("@"):
        user = f"somebody at {user[1:]}"
    shown = visible(user)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def users_of(people: tuple[Person, ...]) -> str:
    """How many they are."""
    return f"{len(people):,} user{'' if len(people) == 1 else 's'}"


def listed(people: tuple[Person, ...]) -> str:
    """Their names, the first of many."""
    names = [*Counter(each.name for each in people)]
    if len(names) > FEW:
        return f"{', '.join(names[:FEW])} and {len(names) - FEW:,} more"
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
