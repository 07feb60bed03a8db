"""Everything wanted, as one immutable value that can be stored and compared."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Self

from postfixconf.errors import BadPolicy
from postfixconf.policy.blocklists import LISTS as KNOWN_LISTS
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Mode
from postfixconf.policy.controls import Controls, controls_of
from postfixconf.policy.entries import Kind, Lookup, read_value
from postfixconf.policy.greylisting import Greylisting
from postfixconf.policy.listing import Blocklist, former
from postfixconf.policy.lookups import Uses
from postfixconf.policy.networks import entry_of
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.own_lists import read_list, told
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS

__all__ = ["OWN", "Policy"]

OWN = "own_domains"  # the key of its control
KNOWN = frozenset(each.zone for each in KNOWN_LISTS)  # the catalogue may have grown
FIXED = frozenset(each.key for each in CONTROLS)
NAME = re.compile(r"[a-z0-9_.:-]{1,300}")
LONGEST_ORDER = 9000  # characters, as it stands in the history


@dataclass(frozen=True)
class Policy:
    """The wanted mode of each control; one that is not named is left as found.

    >>> Policy.of({"disable_vrfy_command": "on"}).modes["disable_vrfy_command"]
    <Mode.ON: 'on'>

    `own` are the own domains. Entries can be a million: they stay where they are
    stored, and `uses` says which tables hold any. `order` has the lists whose rules
    stand otherwise than found or recommended, as `ordering.names_of` names them.
    `greylisting` is how postgrey is set.
    `zones` are the lists in the DNS that somebody added, `keys` the number under which
    each key is kept that a list is asked with: the key itself is in no policy.
    `relays` are the addresses and networks of relays in front, as `entries.read_value`
    gives them. `networks` are the entries that mynetworks shall have (True) or not
    (False), as `networks.spelled` names them; one that is not named is left as found.
    `filtered` are the controls of lists in the DNS whose rule, found without return
    codes, gets those of the catalogue in every mode.
    Raises BadPolicy for an unknown control, a mode it cannot have, or a bad network,
    BadValue for a bad relay.
    """

    modes: Mapping[str, Mode] = field(default_factory=dict)
    own: OwnDomains = field(default_factory=OwnDomains)
    uses: Uses = field(default_factory=Uses)
    order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    zones: tuple[Blocklist, ...] = ()
    keys: Mapping[str, int] = field(default_factory=dict)
    relays: tuple[str, ...] = ()
    greylisting: Greylisting = field(default_factory=Greylisting)
    networks: Mapping[str, bool] = field(default_factory=dict)
    filtered: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        zones = tuple(sorted(self.zones, key=lambda each: each.zone))
        object.__setattr__(self, "zones", zones)
        if len({each.zone for each in zones}) < len(zones):
            raise BadPolicy(", ".join(each.zone for each in zones), "named twice")
        for key, mode in self.modes.items():
            each = self.controls.control(key)
            if each.gone and mode is not Mode.OFF:
                raise BadPolicy(key, "no such control")
            if mode not in each.modes:
                raise BadPolicy(mode, f"{key} has no such mode")
        for value in self.relays:
            if (known := read_value(Kind.CLIENT, value)) != value:
                raise BadPolicy(value, f"would be written {known}")
        for value in self.networks:
            if not value or entry_of(value) != value:
                raise BadPolicy(value, "no trusted network as mailguard names one")
        for key in self.filtered:
            if former(key) is None:
                raise BadPolicy(key, "no list in the DNS")
        for name, names in self.order.items():
            check_order(name, names)
        order = {name: tuple(names) for name, names in self.order.items() if names}
        object.__setattr__(self, "modes", MappingProxyType(dict(self.modes)))
        object.__setattr__(self, "keys", MappingProxyType(dict(self.keys)))
        object.__setattr__(self, "networks", MappingProxyType(dict(self.networks)))
        object.__setattr__(self, "order", MappingProxyType(order))
        object.__setattr__(self, "filtered", tuple(sorted({*self.filtered})))

    @cached_property
    def controls(self) -> Controls:
        """Every control that it may name, lists of its own and former ones too."""
        own = {f"{asked}:{each.zone}" for each in self.zones for asked in each.asked}
        gone = tuple(sorted(set(self.modes) - FIXED - own))
        return controls_of(self.zones, gone)

    @classmethod
    def of(cls, modes: Mapping[str, str]) -> Self:
        """A policy from plain text, as it stands in a database or on a command line."""
        return cls({key: parse_mode(mode) for key, mode in modes.items()})

    def with_zones(self, zones: Iterable[Blocklist]) -> "Policy":
        """The same policy with these own lists; one that is gone is off."""
        zones = tuple(zones)
        before, after = controls_of(self.zones), controls_of(zones)
        lost = {each.key for each in before.offered if each.key not in after}
        modes = {k: Mode.OFF if k in lost else mode for k, mode in self.modes.items()}
        left = {each.zone for each in self.zones} - {each.zone for each in zones}
        keys = {name: n for name, n in self.keys.items() if name not in left}
        return replace(self, modes=modes, zones=zones, keys=keys)

    def with_mode(self, key: str, mode: Mode) -> "Policy":
        """The same policy with one control in another mode."""
        return replace(self, modes={**self.modes, key: mode})

    def with_order(self, name: str, names: tuple[str, ...]) -> "Policy":
        """The same policy with one list in another order; none is as it is found."""
        return replace(self, order={**self.order, name: names})

    @property
    def own_mode(self) -> Mode:
        """The own-domain stop as it is written: off where there is no domain."""
        return self.modes.get(OWN, Mode.OFF) if self.own.domains else Mode.OFF

    @property
    def lookups(self) -> frozenset[Lookup]:
        """The tables of entries that it needs; own domains stand in one of them."""
        own = {Lookup.ACCESS} if self.own_mode is not Mode.OFF else set()
        return self.uses.allow | self.uses.deny | own

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """The policy that `as_json` told. Raises BadValue."""
        try:
            return cls._read(told)
        except (KeyError, TypeError, AttributeError) as cause:
            raise BadPolicy(str(told), f"not a policy ({cause!r})") from None

    @classmethod
    def _read(cls, kept: Mapping[str, Any]) -> Self:
        own = kept["own"]
        uses = {k: frozenset(map(parse_lookup, v)) for k, v in kept["uses"].items()}
        modes = {key: parse_mode(mode) for key, mode in kept["modes"].items()}
        domains, exceptions = tuple(own["domains"]), tuple(own["exceptions"])
        zones, keys = kept.get("zones", {}), kept.get("keys", {})
        order = kept.get("order", {})
        return cls(
            modes,
            OwnDomains(domains, exceptions, own["reply"]),
            Uses(**uses),
            {name: tuple(each) for name, each in order.items()},
            tuple(read_list(z, text) for z, text in zones.items() if z not in KNOWN),
            {name: int(number) for name, number in keys.items()},
            tuple(kept.get("relays", ())),
            Greylisting.from_json(kept.get("greylisting")),
            {name: bool(there) for name, there in kept.get("networks", {}).items()},
            tuple(kept.get("filtered", ())),
        )

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data, for a database."""
        return {
            "modes": {key: mode.value for key, mode in sorted(self.modes.items())},
            "own": asdict(self.own),
            "uses": {"allow": sorted(self.uses.allow), "deny": sorted(self.uses.deny)},
            "filtered": list(self.filtered),
            "greylisting": self.greylisting.as_json(),
            "networks": dict(sorted(self.networks.items())),
            "order": {name: list(each) for name, each in sorted(self.order.items())},
            "relays": list(self.relays),
            "zones": {each.zone: told(each) for each in self.zones},
            "keys": dict(sorted(self.keys.items())),
        }


def check_order(name: str, names: tuple[str, ...]) -> None:
    """Raises BadPolicy for what is no list of ours, or no order of one."""
    if name not in RESTRICTION_LISTS:
        raise BadPolicy(name, "no restriction list")
    for each in names:
        if not NAME.fullmatch(each):
            raise BadPolicy(each, "no name of a rule in an order")
    if sum(len(each) + 2 for each in names) > LONGEST_ORDER:
        raise BadPolicy(", ".join(names), "too long for an order")


def parse_lookup(text: str) -> Lookup:
    """The path of a table of entries. Raises BadPolicy, which quotes it."""
    try:
        return Lookup(text)
    except ValueError:
        raise BadPolicy(text, "no such table") from None


def parse_mode(text: str) -> Mode:
    """`off`, `test` or `on`. Raises BadPolicy, which quotes anything else."""
    try:
        return Mode(text)
    except ValueError:
        raise BadPolicy(text, "a mode is off, test or on") from None
