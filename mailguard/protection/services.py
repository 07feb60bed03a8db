"""The verbs on controls: they write the draft, and never Postfix."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Model

from mailguard.audit.models import Change
from mailguard.audit.services import Actor, record
from mailguard.protection import greylist_settings, trusting
from mailguard.protection.differences import (
    CODED,
    CODES,
    DOMAIN,
    EXCEPTION,
    KEY,
    LIST,
    NETWORK,
    ORDER,
    RELAY,
    REPLY,
    Difference,
    between,
    numbered,
    with_one,
)
from mailguard.protection.domains import own_domains, who_sends_as_us
from mailguard.protection.fronts import relays
from mailguard.protection.models import (
    FilteredList,
    KeyInUse,
    ListOrder,
    OwnDomain,
    OwnException,
    OwnList,
    OwnReply,
    Relay,
    Setting,
)
from mailguard.protection.stores import keep, keep_key, keep_list, keep_order
from mailguard.servers import services as servers
from mailguard.servers.models import Live, Server
from mailguard.traffic.people import AUTH_ON_25, still_on_25
from postfixconf.errors import BadPolicy
from postfixconf.policy.control import Control, Mode
from postfixconf.policy.controls import Controls
from postfixconf.policy.found import Found, find
from postfixconf.policy.greylisting import GREYLISTING
from postfixconf.policy.own_lists import read_list
from postfixconf.policy.policy import OWN, Policy, parse_mode
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = [
    "BARE",
    "Row",
    "live",
    "put",
    "rows",
    "set_mode",
    "wanted",
    "write",
]

BARE = "found without return codes"


@dataclass(frozen=True)
class Row:
    """A control as a page shows it: wanted, live, since when, and why not.

    `bare` says that it asks a list without return codes in the adopted files, `coded`
    that it shall have them.
    """

    control: Control
    mode: Mode
    live: Mode
    since: int | None
    elsewhere: str | None
    available: bool
    lacks_key: bool = False
    bare: bool = False
    coded: bool = False

    @property
    def switchable(self) -> bool:
        """Whether a click can change it."""
        return self.available and self.elsewhere is None

    @property
    def pending(self) -> bool:
        """Whether the wanted mode is not live yet."""
        return self.mode != self.live


def wanted() -> Policy:
    """The policy that the rows describe, but for its entries."""
    modes = {row.key: Mode(row.mode) for row in Setting.objects.all()}
    lists = OwnList.objects.values_list("zone", "told")
    return Policy(
        modes,
        own_domains(),
        order={row.parameter: tuple(row.names) for row in ListOrder.objects.all()},
        zones=tuple(read_list(zone, told) for zone, told in lists),
        keys=dict(KeyInUse.objects.values_list("name", "key_id")),
        relays=relays(),
        greylisting=greylist_settings.greylisting(),
        networks=trusting.networks(),
        filtered=tuple(FilteredList.objects.values_list("key", flat=True)),
    )


def live(server: Server) -> Policy:
    """The policy that is live; an empty one before the first adoption."""
    told = Server.objects.values_list("live_policy", flat=True).get(pk=server.pk)
    return Policy.from_json(told) if told else Policy()


def rows(server: Server) -> list[Row]:
    """Every control in the catalogue's order, with its state on `server`."""
    policy = wanted()
    known = {row.key: row for row in Live.objects.filter(server=server)}
    found = found_on(server, policy.controls)
    return [
        Row(
            control=each,
            mode=policy.modes.get(each.key, Mode.OFF),
            live=Mode(known[each.key].mode) if each.key in known else Mode.OFF,
            since=known[each.key].since_revision if each.key in known else None,
            elsewhere=found[each.key].elsewhere if each.key in found else None,
            available=found[each.key].available if each.key in found else False,
            lacks_key=lacks_key(policy, each.key),
            bare=found[each.key].bare if each.key in found else False,
            coded=each.key in policy.filtered,
        )
        for each in policy.controls.offered
    ]


def lacks_key(policy: Policy, key: str) -> bool:
    """Whether a control asks a list whose key nobody has typed."""
    about = policy.controls.list_of(key)
    return about is not None and bool(about.key) and about.key not in policy.keys


def found_on(server: Server, controls: Controls) -> dict[str, Found]:
    """How each control stood in the files as last adopted; empty before that."""
    adopted, seen = servers.adopted_texts(server), servers.last_observed(server)
    if adopted is None or seen is None:
        return {}
    main, master = MainCf.parse(adopted.main), MasterCf.parse(adopted.master)
    return find(main, master, seen.facts, controls)


@transaction.atomic
def set_mode(
    *,
    server: Server,
    key: str,
    mode: str,
    actor: Actor,
    reason: str = "",
    confirmed: bool = False,
) -> list[Change]:
    """Want one control in another mode, with what it needs switched on too.

    A list that goes on is asked with its codes from then on. Returns the changes put
    on record, none where nothing differs. Raises BadPolicy for an unknown control or
    mode, or one that cannot be switched here; the sentence quotes it. The own-domain
    stop goes on against the evidence only where somebody has `confirmed` it, and so
    goes AUTH on port 25 off while people sign in there.
    """
    before = wanted()
    each, wanted_mode = before.controls.control(key), parse_mode(mode)
    before.with_mode(key, wanted_mode)
    refuse_unless_meant(server, before, key, wanted_mode, confirmed=confirmed)
    on_server = found_on(server, before.controls)
    refuse_unless_switchable(each, on_server.get(key))
    changes = [_store(key, wanted_mode, actor, reason)]
    if wanted_mode is Mode.ON:
        why = f"comes on with {each.key}"
        needed = (need for need in each.needs if on_server[need].switchable)
        changes += [_store(need, Mode.ON, actor, why) for need in needed]
        if changes[0] is not None and on_server[key].bare:
            codes = Difference(f"{CODES} {key}", "", CODED)
            changes.append(put(change=codes, actor=actor, reason=BARE))
    return [change for change in changes if change is not None]


def refuse_unless_meant(
    server: Server, before: Policy, key: str, mode: Mode, *, confirmed: bool
) -> None:
    """Raises BadPolicy where a mode lacks something, or the evidence is against it."""
    if lacks_key(before, key) and mode is not Mode.OFF:
        raise BadPolicy(key, "it needs a key: type it first, on the page Blocklists")
    if key == OWN and mode is not Mode.OFF and not own_domains().domains:
        raise BadPolicy(key, "name your own domains first, on the page Own domains")
    if confirmed:
        return
    if key == OWN and mode is Mode.ON:
        against = who_sends_as_us(server)
        if against is not None and against.warnings:
            raise BadPolicy(key, f"{against.warning} Confirm it if that is meant")
    if key == AUTH_ON_25 and mode is Mode.OFF:
        still = still_on_25(server)
        if before.modes.get(key) is not Mode.OFF and still.people:
            raise BadPolicy(key, f"{still.sentence} Confirm it if that is meant")


def refuse_unless_switchable(control: Control, found: Found | None) -> None:
    """Raises BadPolicy for a control that no click changes on this server."""
    if found is None:
        raise BadPolicy(control.key, "the server has not been adopted yet")
    if not found.available:
        raise BadPolicy(control.key, control.lacking)
    if found.elsewhere is not None:
        raise BadPolicy(control.key, f"it is set elsewhere ({found.elsewhere})")


@transaction.atomic
def write(*, policy: Policy, actor: Actor, reason: str) -> list[Change]:
    """Make the rows say exactly `policy`, for the controls it names."""
    changes: list[Change | None] = [*greylist_settings.put(policy, actor, reason)]
    for each in [*between(wanted(), policy)]:
        changes.append(put(change=each, actor=actor, reason=reason))
    rows = dict(Setting.objects.values_list("key", "mode"))
    for key, mode in policy.modes.items():  # a control that had no row yet
        if rows.get(key) != mode:
            changes.append(_store(key, mode, actor, reason))
    return [change for change in changes if change is not None]


# What is there or not, by its kind: its rows, and their field.
KEPT: dict[str, tuple[type[Model], str]] = {
    CODES: (FilteredList, "key"),
    DOMAIN: (OwnDomain, "domain"),
    EXCEPTION: (OwnException, "network"),
    RELAY: (Relay, "network"),
}


@transaction.atomic
def put(*, change: Difference, actor: Actor, reason: str) -> Change | None:
    """Want one thing as it is after `change`; None where it is wanted already.

    Raises BadValue for what no policy can hold, BadPolicy for what is not ours.
    """
    kind, _, value = change.what.partition(" ")
    before, policy = wanted(), with_one(wanted(), change)
    if change.what in before.controls:
        return _store(change.what, policy.modes[change.what], actor, reason)
    if kind == GREYLISTING:
        return next(iter(greylist_settings.put(policy, actor, reason)), None)
    if kind not in (*KEPT, LIST, KEY, NETWORK, ORDER) and change.what != REPLY:
        raise BadPolicy(change.what, "no such setting")
    if policy == before:
        return None
    if change.what == REPLY:
        OwnReply.objects.update_or_create(pk=1, defaults={"text": change.after})
    elif kind == NETWORK:
        trusting.keep_network(value, wanted=bool(change.after))
    elif kind == ORDER:
        keep_order(value, policy.order.get(value, ()))
    elif kind == LIST:
        keep_list(value, change.after)
        _forget_unused(before, policy, actor, f"{value} was taken out")
    elif kind == KEY:
        keep_key(value, policy.keys.get(value))
    else:
        model, field = KEPT[kind]
        keep(model._default_manager.all(), field, value, change.after)
    was = next((each.before for each in between(before, policy)), change.after)
    if was == change.after:  # a network that nobody had named is not wanted
        return None
    return record(
        actor=actor, what=change.what, before=was, after=change.after, reason=reason
    )


def _forget_unused(before: Policy, policy: Policy, actor: Actor, why: str) -> None:
    """A list that is gone is off, and a key that no list asks with is not wanted."""
    for key in before.modes:
        _store(key, policy.modes[key], actor, why)
    for name in before.keys.keys() - policy.keys.keys():
        keep_key(name, None)
        word = numbered(before.keys[name])
        record(actor=actor, what=f"{KEY} {name}", before=word, after="", reason=why)


def _store(key: str, mode: Mode, actor: Actor, reason: str) -> Change | None:
    row = Setting.objects.filter(key=key).first() or Setting(key=key)
    before = row.mode
    if before == mode and row.pk is not None:
        return None
    row.mode = mode.value
    row.save()
    if before == mode:
        return None
    return record(actor=actor, what=key, before=before, after=mode.value, reason=reason)
