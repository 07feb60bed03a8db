"""What a kind of finding is, and that one was found."""

from dataclasses import dataclass

from postfixconf.policy.finding import Level

__all__ = ["FILTERED", "Kind", "Said"]

FILTERED = "filtered"  # a list that is asked with the catalogue's return codes


@dataclass(frozen=True)
class Kind:
    """One kind of finding: how bad, in which words, why it matters, what to do.

    Numbered braces in the sentence and the remedy are filled where it is found. No
    change is applied with one that `blocks`.
    """

    level: Level
    sentence: str
    why: str
    remedy: str
    blocks: bool = False


@dataclass(frozen=True)
class Said:
    """That a kind was found at a place; `words` fill its sentence and remedy.

    `fix` is a control and its mode (`smtpd_helo_required=on`) that mends it, or a zone
    and FILTERED.
    """

    code: str
    place: str
    words: tuple[str, ...] = ()
    fix: str = ""
