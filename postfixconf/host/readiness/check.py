"""PURE. What a check says, and of which step towards 587 and 465."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

__all__ = ["PORTS", "STEPS", "Check", "Level", "hindrance", "merged", "well"]

# The ports of RFC 6409 and RFC 8314 by the keys of their switches.
PORTS: Mapping[str, int] = {"submission": 587, "submissions": 465}
STEPS = tuple(PORTS)


class Level(StrEnum):
    """How bad it is: a hindrance is what a step must not be taken with."""

    OK = "ok"
    WARNING = "warning"
    HINDRANCE = "hindrance"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    `key` names it (`certificate`, `sasl`, `port`, `firewall`), `steps` are the steps it
    is about. `remedy` is what to do, and `command` what to type for that as root, where
    there is one such thing; both are empty where all is well.
    """

    key: str
    level: Level
    sentence: str
    remedy: str = ""
    command: str = ""
    steps: tuple[str, ...] = STEPS

    def as_json(self) -> dict[str, Any]:
        """For a database."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """From what `as_json` made."""
        fixed = {"level": Level(told["level"]), "steps": tuple(told["steps"])}
        return cls(**{**told, **fixed})


def merged(checks: list[Check]) -> tuple[Check, ...]:
    """The same, with what is said of both steps in one word said once."""
    found: dict[tuple[str, ...], Check] = {}
    for each in checks:
        said = (each.key, each.level, each.sentence, each.remedy, each.command)
        steps = found[said].steps if said in found else ()
        new = dict.fromkeys((*steps, *each.steps))
        found[said] = Check(*said, tuple(new))
    return tuple(found.values())


def well(sentence: str) -> Check:
    """Passwords can be checked as far as can be seen."""
    return Check("sasl", Level.OK, sentence)


def hindrance(sentence: str, remedy: str, command: str = "") -> Check:
    """Nobody could sign in."""
    return Check("sasl", Level.HINDRANCE, sentence, remedy, command)
