"""Everything wanted, as one immutable value that can be stored and compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Self

from postfixconf.errors import BadPolicy
from postfixconf.policy.catalog import control
from postfixconf.policy.control import Mode

__all__ = ["Policy"]


@dataclass(frozen=True)
class Policy:
    """The wanted mode of each control; one that is not named is left as found.

    >>> Policy.of({"disable_vrfy_command": "on"}).modes["disable_vrfy_command"]
    <Mode.ON: 'on'>

    Raises BadPolicy for an unknown control, or a mode it cannot have.
    """

    modes: Mapping[str, Mode] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, mode in self.modes.items():
            if mode not in control(key).modes:
                raise BadPolicy(mode, f"{key} has no such mode")
        object.__setattr__(self, "modes", MappingProxyType(dict(self.modes)))

    @classmethod
    def of(cls, modes: Mapping[str, str]) -> Self:
        """A policy from plain text, as it stands in a database or on a command line."""
        return cls({key: parse_mode(mode) for key, mode in modes.items()})

    def with_mode(self, key: str, mode: Mode) -> "Policy":
        """The same policy with one control in another mode."""
        return replace(self, modes={**self.modes, key: mode})

    def as_text(self) -> dict[str, str]:
        """The modes as plain text, for a database or JSON."""
        return {key: mode.value for key, mode in sorted(self.modes.items())}


def parse_mode(text: str) -> Mode:
    """`off`, `test` or `on`. Raises BadPolicy, which quotes anything else."""
    try:
        return Mode(text)
    except ValueError:
        raise BadPolicy(text, "a mode is off, test or on") from None
