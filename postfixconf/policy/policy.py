"""Everything wanted, as one immutable value that can be stored and compared."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

from postfixconf.errors import BadPolicy
from postfixconf.policy.catalog import LISTS, control
from postfixconf.policy.control import Mode
from postfixconf.policy.entries import Lookup
from postfixconf.policy.greylisting import Greylisting
from postfixconf.policy.lookups import Uses
from postfixconf.policy.own_domains import OwnDomains

__all__ = ["OWN", "Policy"]

OWN = "own_domains"  # the key of its control
NAME = re.compile(r"[a-z0-9_.:-]{1,300}")
LONGEST_ORDER = 9000  # characters, as it stands in the history


@dataclass(frozen=True)
class Policy:
    """The wanted mode of each control; one that is not named is left as found.

    >>> Policy.of({"disable_vrfy_command": "on"}).modes["disable_vrfy_command"]
    <Mode.ON: 'on'>

    `own` are the own domains, `greylisting` is how postgrey is set. Entries can be a
    million: they stay where they are stored, and `uses` says which tables hold any.
    `order` has the lists whose rules stand otherwise than found or recommended, as
    `ordering.names_of` names them.
    Raises BadPolicy for an unknown control, or a mode it cannot have.
    """

    modes: Mapping[str, Mode] = field(default_factory=dict)
    own: OwnDomains = field(default_factory=OwnDomains)
    uses: Uses = field(default_factory=Uses)
    order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    greylisting: Greylisting = field(default_factory=Greylisting)

    def __post_init__(self) -> None:
        for key, mode in self.modes.items():
            if mode not in control(key).modes:
                raise BadPolicy(mode, f"{key} has no such mode")
        for name, names in self.order.items():
            check_order(name, names)
        order = {name: tuple(names) for name, names in self.order.items() if names}
        object.__setattr__(self, "modes", MappingProxyType(dict(self.modes)))
        object.__setattr__(self, "order", MappingProxyType(order))

    @classmethod
    def of(cls, modes: Mapping[str, str]) -> Self:
        """A policy from plain text, as it stands in a database or on a command line."""
        return cls({key: parse_mode(mode) for key, mode in modes.items()})

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
    def _read(cls, told: Mapping[str, Any]) -> Self:
        own = told["own"]
        uses = {k: frozenset(map(parse_lookup, v)) for k, v in told["uses"].items()}
        modes = {key: parse_mode(mode) for key, mode in told["modes"].items()}
        domains, exceptions = tuple(own["domains"]), tuple(own["exceptions"])
        order = {name: tuple(each) for name, each in told.get("order", {}).items()}
        own = OwnDomains(domains, exceptions, own["reply"])
        greylisting = Greylisting.from_json(told.get("greylisting"))
        return cls(modes, own, Uses(**uses), order, greylisting)

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data, for a database."""
        return {
            "modes": {key: mode.value for key, mode in sorted(self.modes.items())},
            "own": asdict(self.own),
            "uses": {"allow": sorted(self.uses.allow), "deny": sorted(self.uses.deny)},
            "greylisting": self.greylisting.as_json(),
            "order": {name: list(each) for name, each in sorted(self.order.items())},
        }


def check_order(name: str, names: tuple[str, ...]) -> None:
    """Raises BadPolicy for what is no list of ours, or no order of one."""
    if name not in LISTS:
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
