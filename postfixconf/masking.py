"""Keys that somebody pays for: held so that they do not show, masked where they would.

Some lists in the DNS give each customer a zone of its own, named by a secret label in
front: `KEY.zen.dq.spamhaus.net`. Whoever reads it can use it. So a key travels as a
`Secret`, which shows nothing of itself, and a text from elsewhere (a hand-written
main.cf, a line of the mail log, what somebody typed) goes through `masked` before it is
shown or kept.

What is not masked: a key without the zone behind it, which nobody could tell from any
other word.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

__all__ = ["KEYED", "MASK", "Secret", "masked"]

MASK = "…"
# The zone below which every list has a customer's key in front, and those lists.
KEYED = ("dq.spamhaus.net",)
LISTS = "authbl|dbl|hbl|pbl|sbl|sbl-xbl|xbl|zen|zrd"
LABEL = r"[\w-]+"  # as a key is written


@dataclass(frozen=True)
class Secret:
    """A key. It is no text, so that nothing shows it by mistake.

    >>> Secret("s3cret")
    Secret(…)
    """

    _value: str = field(repr=False)

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    __str__ = __repr__

    def reveal(self) -> str:
        """The key itself, for the one place that needs it."""
        return self._value


def masked(text: str, zones: Iterable[str] = ()) -> str:
    """The text with the label in front of every keyed zone masked.

    `zones` are keyed ones besides those that everybody knows.

    >>> masked("blocked using s3cret.zen.dq.spamhaus.net")
    'blocked using ….zen.dq.spamhaus.net'
    """
    more = tuple(sorted(set(zones)))
    low = text.lower()
    if not any(zone in low for zone in (*KEYED, *more)):
        return text
    return _pattern(more).sub(MASK, text)


@lru_cache(maxsize=64)
def _pattern(zones: tuple[str, ...]) -> "re.Pattern[str]":
    """A key: what stands before a dot and a keyed zone."""
    below = "|".join(map(re.escape, KEYED))
    known = rf"(?!(?:{LISTS})\.(?:{below}))"
    behind = "|".join([rf"(?:{LABEL}\.)?(?:{below})", *map(re.escape, zones)])
    key = rf"(?<![\w-]){known}{LABEL}(?=\.(?:{behind})(?![\w-]))"
    return re.compile(key, re.IGNORECASE)
