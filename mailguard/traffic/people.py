"""Who still signs in on port 25: what must be known before AUTH is switched off there.

Where a submission service has no name of its own in the log, nobody knows who uses
port 25: then everybody who may be meant is named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import count, islice

from django.db.models import Max, Sum
from django.utils import timezone

from mailguard.marks import visible
from mailguard.servers.models import Server
from mailguard.traffic.models import Log, Usage
from mailguard.traffic.times import microseconds, time_of
from mailguard.traffic.used import HIDDEN, seen_of
from postfixconf.policy.linting.seen import Seen
from postfixconf.policy.ports import FRONT, UNKNOWN, outer, ports

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
STEP = 1200  # senders that are read at once, devices among them
FEW = 8  # of them named in a sentence
LONGEST = 60  # characters shown of a name


@dataclass(frozen=True)
class Person:
    """Somebody who signed in, by the name that was typed: recipients, last time."""

    user: str
    count: int
    last: datetime
    certain: bool

    @property
    def name(self) -> str:
        """The name as it may be shown."""
        return named(self.user)


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
    found: dict[int, Person] = {}
    for who, port, user, total, last in islice(latest_users(server), MOST):
        person = Person(user, total, time_of(last), port == FRONT)
        if who not in found or person.certain:
            found[who] = person
    log, seen = Log.objects.filter(server=server).first(), seen_of(server)
    return Still(
        tuple(sorted(found.values(), key=lambda each: each.last, reverse=True)),
        is_nameless(seen),
        log.since if log else None,
        front_number(seen),
    )


def latest_users(server: Server) -> Iterator[tuple[int, str, str, int, int]]:
    """Who signed in on port 25, or maybe there, the latest first.

    As who, port, user, recipients and last time. What is added up stands in one index
    (`usage_senders`); the users are read of those alone that are asked for.
    """
    oldest = microseconds(timezone.now() - timedelta(days=DAYS))
    rows = Usage.objects.filter(
        server=server, port__in=(FRONT, UNKNOWN), last_at__gte=oldest
    )
    told = rows.values_list("who", "port").annotate(
        total=Sum("count"), last=Max("last_at"), row=Max("pk")
    )
    for start in count(0, STEP):
        some = [*told.order_by("-last", "who", "port")[start : start + STEP]]
        read = Usage.objects.filter(pk__in=[each[-1] for each in some])
        users = dict(read.exclude(user="").values_list("pk", "user"))
        for who, port, total, last, row in some:
            if row in users:
                yield who, port, users[row], total, last
        if len(some) < STEP:
            return


def is_nameless(seen: Seen | None) -> bool:
    """Whether port 25 shares its name in the log with another."""
    return seen is not None and UNKNOWN in ports(seen).values()


def front_number(seen: Seen | None) -> str:
    """Where other servers reach this one: "25" but on a private instance."""
    found = (each.number for each in outer(seen) if each.port == FRONT) if seen else ()
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
    users = [*dict.fromkeys(each.user for each in people)]
    if len(users) > FEW:
        first = ", ".join(map(named, users[:FEW]))
        return f"{first} and {len(users) - FEW:,} more"
    *most, last = map(named, users)
    return f"{', '.join(most)} and {last}" if most else last
