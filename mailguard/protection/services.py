"""The verbs on controls: they write the draft, and never Postfix."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from mailguard.audit.models import Change
from mailguard.audit.services import Actor, record
from mailguard.protection.models import Setting
from mailguard.servers import services as servers
from mailguard.servers.models import Live, Server
from postfixconf.errors import BadPolicy
from postfixconf.policy.catalog import CONTROLS, control
from postfixconf.policy.control import Control, Mode
from postfixconf.policy.found import Found, find
from postfixconf.policy.policy import Policy, parse_mode
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["Difference", "Row", "complete", "rows", "set_mode", "wanted", "write"]


@dataclass(frozen=True)
class Difference:
    """A control in one mode before and another after."""

    what: str
    before: str
    after: str

    @property
    def title(self) -> str:
        """The control's title, or its key where the catalogue lost it."""
        try:
            return control(self.what).title
        except BadPolicy:
            return self.what


@dataclass(frozen=True)
class Row:
    """A control as a page shows it: wanted, live, since when, and why not."""

    control: Control
    mode: Mode
    live: Mode
    since: int | None
    elsewhere: str | None
    available: bool

    @property
    def switchable(self) -> bool:
        """Whether a click can change it."""
        return self.available and self.elsewhere is None

    @property
    def pending(self) -> bool:
        """Whether the wanted mode is not live yet."""
        return self.mode != self.live


def wanted() -> Policy:
    """The policy that the rows describe."""
    return Policy.of(dict(Setting.objects.values_list("key", "mode")))


def rows(server: Server) -> list[Row]:
    """Every control in the catalogue's order, with its state on `server`."""
    modes = dict(Setting.objects.values_list("key", "mode"))
    live = {row.key: row for row in Live.objects.filter(server=server)}
    found = found_on(server)
    return [
        Row(
            control=each,
            mode=Mode(modes.get(each.key, Mode.OFF)),
            live=Mode(live[each.key].mode) if each.key in live else Mode.OFF,
            since=live[each.key].since_revision if each.key in live else None,
            elsewhere=found[each.key].elsewhere if each.key in found else None,
            available=found[each.key].available if each.key in found else False,
        )
        for each in CONTROLS
    ]


def found_on(server: Server) -> dict[str, Found]:
    """How each control stood in the files as last adopted; empty before that."""
    adopted, seen = servers.adopted_texts(server), servers.last_observed(server)
    if adopted is None or seen is None:
        return {}
    main, master = MainCf.parse(adopted.main), MasterCf.parse(adopted.master)
    return find(main, master, seen.facts)


@transaction.atomic
def set_mode(
    *, server: Server, key: str, mode: str, actor: Actor, reason: str = ""
) -> list[Change]:
    """Want one control in another mode, with what it needs switched on too.

    Returns the changes put on record, none where nothing differs. Raises
    BadPolicy for an unknown control or mode, or one that cannot be switched on
    this server; the sentence quotes it.
    """
    each, wanted_mode = control(key), parse_mode(mode)
    Policy({key: wanted_mode})
    found = found_on(server).get(key)
    if found is None:
        raise BadPolicy(key, "the server has not been adopted yet")
    if not found.available:
        raise BadPolicy(key, "the installed Postfix does not have it")
    if found.elsewhere is not None:
        raise BadPolicy(key, f"it is set elsewhere ({found.elsewhere})")
    changes = [_store(key, wanted_mode, actor, reason)]
    if wanted_mode is Mode.ON:
        why = f"comes on with {each.key}"
        needed = (need for need in each.needs if found_on(server)[need].switchable)
        changes += [_store(need, Mode.ON, actor, why) for need in needed]
    return [change for change in changes if change is not None]


@transaction.atomic
def write(*, modes: Mapping[str, str], actor: Actor, reason: str) -> list[Change]:
    """Make the rows say exactly `modes` for the controls it names."""
    policy = Policy.of(modes)
    changes = (_store(key, mode, actor, reason) for key, mode in policy.modes.items())
    return [change for change in changes if change is not None]


@transaction.atomic
def complete(server: Server) -> None:
    """Give a control that the catalogue gained since the adoption its rows."""
    known = set(Live.objects.filter(server=server).values_list("key", flat=True))
    if not known or known >= {each.key for each in CONTROLS}:
        return
    first = Live.objects.filter(server=server).earliest("since_revision")
    for key, found in found_on(server).items():
        if key not in known:
            mode, since = found.mode.value, first.since_revision
            Live.objects.create(server=server, key=key, mode=mode, since_revision=since)
            Setting.objects.update_or_create(key=key, defaults={"mode": mode})


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
