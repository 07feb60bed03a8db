"""How an apply ends: an expected failure is a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Applied", "Broken", "Outcome", "Refused", "RolledBack"]


@dataclass(frozen=True)
class Applied:
    """The new state is live and proven; `said` is what the probes saw.

    `standing` are the digests of our tables as they were written.
    """

    said: str
    standing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """Nothing was touched, because of `cause`."""

    cause: str

    @property
    def closing(self) -> str:
        """How a checkpoint tells of it."""
        return f"refused: {self.cause}"


@dataclass(frozen=True)
class RolledBack:
    """The change failed because of `cause`; the old state is live again."""

    cause: str

    @property
    def closing(self) -> str:
        """How a checkpoint tells of it."""
        return f"rolled_back: {self.cause}"


@dataclass(frozen=True)
class Broken:
    """The change failed because of `cause`, and the way back because of `why`."""

    cause: str
    why: str

    @property
    def closing(self) -> str:
        """How a checkpoint tells of it."""
        return f"broken: {self.cause}. The way back failed: {self.why}"


Outcome = Applied | Refused | RolledBack | Broken
