"""What a preset would change here, line by line, and the verb that takes it.

Nothing is turned down, and no main.cf switch thrown that nobody could test, unless
somebody ticks that line. What is taken is a draft like every switch.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256

from django.db import transaction

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import order
from mailguard.errors import NotNow
from mailguard.protection import services as protection
from mailguard.protection.domains import own_domains
from mailguard.servers.models import Server
from postfixconf.policy.control import Mode
from postfixconf.policy.policy import OWN
from postfixconf.policy.presets import Preset

__all__ = ["ORDER", "Line", "defaults", "digest_of", "lines", "take"]

ORDER = "order"  # the line of the manual's order


@dataclass(frozen=True)
class Line:
    """One control in a preset.

    `offer` is the mode that ticking it brings, None where there is nothing to tick;
    `ticked` says whether it is at first, `why` is a sentence where it is not.
    """

    row: protection.Row
    offer: Mode | None = None
    ticked: bool = False
    why: str = ""

    @property
    def key(self) -> str:
        """Its control's key, and the name of its tick."""
        return self.row.control.key


def lines(
    server: Server,
    preset: Preset,
    *,
    on: bool,
    rows: Sequence[protection.Row] | None = None,
) -> list[Line]:
    """Every control that a preset has, or that is on without it.

    `rows` are those of the server where they are known already.
    """
    named = bool(own_domains().domains)
    found = []
    for row in protection.rows(server) if rows is None else rows:
        if row.control.key in preset.keys:
            found.append(inside(row, on=on, named=named))
        elif row.mode is not Mode.OFF and row.switchable and refuses(row):
            why = f"Not part of this preset: it stays “{row.mode}”."
            found.append(Line(row, Mode.OFF, why=why))
    return found


def refuses(row: protection.Row) -> bool:
    """Whether a control refuses anything."""
    about = row.control
    return not (about.records or about.permits or about.sends)


def inside(row: protection.Row, *, on: bool, named: bool) -> Line:
    """A control that the preset has; `named` says whether there are own domains."""
    tested = Mode.TEST in row.control.modes
    target = Mode.ON if on or not tested else Mode.TEST
    if not row.available:
        return Line(row, why=f"Not available: {row.control.lacking}.")
    if row.elsewhere is not None:
        return Line(row, why=f"Set elsewhere ({row.elsewhere}): change it there.")
    if row.control.key == OWN and not named:
        return Line(row, why="Name your own domains first; it does nothing without.")
    if row.control.key == OWN and on and row.mode is not Mode.ON:
        return own(row)
    if row.mode == target:
        return Line(row)
    if row.mode is Mode.ON:
        return Line(row, target, why="It is stricter now and stays on.")
    if not on and not tested:
        why = "It cannot be tested: a main.cf switch acts at once."
        return Line(row, target, why=why)
    return Line(row, target, ticked=True)


def own(row: protection.Row) -> Line:
    """The own-domain stop where everything else goes on: it is tested first."""
    why = "It goes on from its own page only: there its condition is looked at."
    if row.mode is Mode.TEST:
        return Line(row, why=why)
    return Line(row, Mode.TEST, ticked=True, why=why)


def defaults(found: Collection[Line], preset: Preset) -> set[str]:
    """What is ticked at first."""
    order_of = {ORDER} if preset.ordered else set()
    return {each.key for each in found if each.ticked} | order_of


def digest_of(found: Collection[Line]) -> str:
    """What a person saw, so that nothing else is taken."""
    told = "\n".join(f"{each.key} {each.row.mode} {each.offer}" for each in found)
    return sha256(told.encode()).hexdigest()[:16]


@transaction.atomic
def take(
    *,
    server: Server,
    preset: Preset,
    on: bool,
    ticks: Collection[str],
    actor: Actor,
    seen: str | None = None,
) -> list[Change]:
    """Want what is ticked; the changes put on record.

    `seen` is the digest of the lines that the person saw. Raises NotNow, BadPolicy,
    and then nothing was changed.
    """
    found = lines(server, preset, on=on)
    if seen is not None and seen != digest_of(found):
        raise NotNow(
            "Something was switched while you were looking. Nothing was changed. "
            "Please look again."
        )
    reason = f"preset {preset.title}, {'on' if on else 'test'}"
    changes: list[Change] = []
    for each in found:
        if each.offer is not None and each.key in ticks:
            changes += protection.set_mode(
                server=server,
                key=each.key,
                mode=each.offer.value,
                actor=actor,
                reason=reason,
            )
    if preset.ordered and ORDER in ticks:
        changes += order.arrange(
            server=server, how=order.How.MANUAL, actor=actor, reason=reason
        )
    return changes
