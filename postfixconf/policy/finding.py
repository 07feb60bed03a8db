"""One thing that is wrong with a configuration, as a value."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Level"]


class Level(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing the linter says: where, what, why it matters, what to do about it.

    `blocks` is true where a change may not be applied with it. `fix` is a control
    and its mode (`smtpd_helo_required=on`) that mends it, empty where no click does.
    """

    level: Level
    code: str
    place: str
    sentence: str
    remedy: str
    blocks: bool = False
    why: str = ""
    fix: str = ""
