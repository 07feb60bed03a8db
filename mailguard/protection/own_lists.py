"""Lists of one's own, and keys: what is wanted, and the verbs. Drafts, as all else.

A key is typed once. It is kept sealed and named by a number from then on: in the
draft, in policies, in the history. Nothing gives it out again but `opened`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.protection import services
from mailguard.protection.differences import KEY, LIST, Difference, numbered
from mailguard.protection.models import KeyInUse, ListKey, Setting
from mailguard.protection.sealing import seal
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.errors import BadPolicy, HostError
from postfixconf.masking import KEYED, Secret
from postfixconf.policy.control import Mode
from postfixconf.policy.keyed import Keys
from postfixconf.policy.listing import Asked
from postfixconf.policy.own_lists import new_zone, own_list, read_key, told
from postfixconf.policy.policy import Policy

__all__ = [
    "Held",
    "add",
    "forget_gone",
    "forget_key",
    "held",
    "opened",
    "remove",
    "set_key",
]


@dataclass(frozen=True)
class Held:
    """A key as a page shows it: whose, and since when; never itself.

    `zones` are the lists that are asked with it. `number` is None where there is none.
    """

    name: str
    title: str
    zones: tuple[str, ...]
    number: int | None = None
    made_at: datetime | None = None
    made_by: str = ""


@transaction.atomic
def add(
    *,
    zone: str,
    asked: Iterable[Asked],
    codes: str,
    actor: Actor,
    name: str = "",
    key: str = "",
    keyed: bool = False,
    reason: str = "",
) -> Change | None:
    """Have one more list. Raises BadPolicy, which quotes what is wrong but a key."""
    zone = new_zone(zone)
    each = own_list(zone, asked, codes, name, keyed=keyed or bool(key))
    if any(x.zone == zone for x in services.wanted().zones):
        raise BadPolicy(zone, "is on the page already: take it out first")
    secret = read_key(key, zone) if key else None
    change = Difference(f"{LIST} {zone}", "", told(each))
    made = services.put(change=change, actor=actor, reason=reason)
    if secret is not None:
        keep(zone, secret, actor, reason)
    take_over(servers.local(), zone, actor)
    return made


@transaction.atomic
def remove(*, zone: str, actor: Actor, reason: str = "") -> Change | None:
    """Have a list no more; it is off by the next apply. Raises BadPolicy."""
    known = {each.zone: told(each) for each in services.wanted().zones}
    if zone not in known:
        raise BadPolicy(zone, "is no list that was added here")
    change = Difference(f"{LIST} {zone}", known[zone], "")
    return services.put(change=change, actor=actor, reason=reason)


@transaction.atomic
def set_key(*, name: str, key: str, actor: Actor, reason: str = "") -> Change | None:
    """Want another key. Raises BadPolicy, which does not quote it."""
    if name not in names(services.wanted()):
        raise BadPolicy(name, "no list here is asked with a key of that name")
    return keep(name, read_key(key, name), actor, reason)


@transaction.atomic
def forget_key(*, name: str, actor: Actor, reason: str = "") -> Change | None:
    """Want no key. Raises BadPolicy while a list that needs it is wanted."""
    policy = services.wanted()
    for control in policy.controls.offered:
        about = policy.controls.list_of(control.key)
        mode = policy.modes.get(control.key, Mode.OFF)
        if about and about.key == name and mode is not Mode.OFF:
            raise BadPolicy(name, f"{about.name} is switched on: switch it off first")
    if name not in policy.keys:
        return None
    change = Difference(f"{KEY} {name}", numbered(policy.keys[name]), "")
    return services.put(change=change, actor=actor, reason=reason)


def take_over(server: Server, zone: str, actor: Actor) -> None:
    """Want a new list as it stands in the server's files, where somebody wrote it."""
    policy, why = services.wanted(), "stands in main.cf already"
    for key, found in services.found_on(server, policy.controls).items():
        about = policy.controls.list_of(key)
        if about and about.zone == zone and key not in policy.modes:
            change = Difference(key, Mode.OFF.value, found.mode.value)
            services.put(change=change, actor=actor, reason=why)


def forget_gone(*, known: Policy) -> None:
    """Forget the modes of lists that are neither wanted nor known to a policy."""
    gone = [each.key for each in services.wanted().controls.every if each.gone]
    lost = [key for key in gone if key not in known.controls]
    Setting.objects.filter(key__in=lost).delete()


def keep(name: str, key: Secret, actor: Actor, reason: str) -> Change | None:
    """Seal a key and want it; nothing changes where it is the one already."""
    before = services.wanted().keys.get(name)
    old = opened({name: before} if before else {}).get(name)
    if old == key:
        return None
    row = ListKey.objects.create(
        name=name, sealed=seal().close(key.reveal().encode()), made_by=actor.name
    )
    was = numbered(before) if before else ""
    change = Difference(f"{KEY} {name}", was, numbered(row.pk))
    return services.put(change=change, actor=actor, reason=reason)


def opened(numbers: "dict[str, int] | Policy") -> Keys:
    """The keys of a policy, by name; without those that cannot be read."""
    wanted = dict(numbers.keys) if isinstance(numbers, Policy) else numbers
    if not wanted:
        return {}
    found = {}
    for row in ListKey.objects.filter(pk__in=wanted.values()):
        try:
            key = Secret(seal().open(bytes(row.sealed)).decode())
        except HostError:
            continue
        if wanted.get(row.name) == row.pk:
            found[row.name] = key
    return found


def names(policy: Policy) -> dict[str, tuple[str, ...]]:
    """The keys that lists are asked with, and the zones of those."""
    found: dict[str, tuple[str, ...]] = {}
    for each in policy.controls.lists:
        if each.key:
            found[each.key] = (*found.get(each.key, ()), each.zone)
    return found


def held() -> list[Held]:
    """Every key that a list needs, whether it is there or not."""
    policy = services.wanted()
    rows = {row.name: row.key for row in KeyInUse.objects.select_related("key")}
    titles = {each.key: each.name for each in policy.zones if each.key}
    return [
        Held(
            name,
            "Spamhaus DQS" if name in KEYED else titles[name],
            zones,
            rows[name].pk if name in rows else None,
            rows[name].made_at if name in rows else None,
            rows[name].made_by if name in rows else "",
        )
        for name, zones in names(policy).items()
    ]
