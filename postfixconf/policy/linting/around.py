"""What stands around a configuration on its machine, as the linter needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Around", "MapState", "SeenMap"]


class MapState(StrEnum):
    """How a lookup table stands on the disk."""

    FINE = "fine"
    MISSING = "missing"
    NOT_BUILT = "not_built"
    STALE = "stale"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class SeenMap:
    """A lookup table in a file: `spec` is `type:path`, with `proxy:` where it has it.

    `detail` is the built file of one that was never built, or why it is unreadable;
    `malformed` are its bad lines in words, `permits` some of those that let in.
    """

    spec: str
    state: MapState = MapState.FINE
    detail: str = ""
    malformed: tuple[str, ...] = ()
    permits: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The file's path."""
        return self.spec.rpartition(":")[2]


@dataclass(frozen=True)
class Around:
    """The tables that a configuration names, and the networks of its machine.

    `gateways` are pairs of an address and what it is. `interfaces` are pairs of an
    interface and a network that is reached through it without a gateway. `styled` is
    mynetworks as mynetworks_style makes it, where main.cf has none.
    """

    maps: tuple[SeenMap, ...] = ()
    gateways: tuple[tuple[str, str], ...] = ()
    interfaces: tuple[tuple[str, str], ...] = ()
    styled: str = ""

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Around":
        """From what `dataclasses.asdict` made of one, kept as JSON."""
        return cls(
            tuple(
                SeenMap(
                    each["spec"],
                    MapState(each["state"]),
                    each["detail"],
                    tuple(each["malformed"]),
                    tuple(each["permits"]),
                )
                for each in told.get("maps", ())
            ),
            tuple(pair(each) for each in told.get("gateways", ())),
            tuple(pair(each) for each in told.get("interfaces", ())),
            str(told.get("styled", "")),
        )


def pair(told: Sequence[str]) -> tuple[str, str]:
    """Two texts that were kept as a list."""
    one, other = told
    return one, other
