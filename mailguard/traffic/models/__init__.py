"""What was read from the mail log: how far, recent attempts, and counts.

Times in `at` are those of `times`. Keys (`sender_key`, …) are `keys.key_of` of a
text, 63 bits: what is searched for is found through them, never through the text.
"""

from mailguard.traffic.models.attempts import (
    HITS,
    Attempt,
    Correspondent,
    Hit,
    Reply,
    Verdict,
)
from mailguard.traffic.models.counts import Daily, Evidence, Hour
from mailguard.traffic.models.greylisting import (
    Ignored,
    LetThrough,
    Suggested,
    Triplet,
)
from mailguard.traffic.models.logs import Log, Reading
from mailguard.traffic.models.usages import Usage

__all__ = [
    "HITS",
    "Attempt",
    "Correspondent",
    "Daily",
    "Evidence",
    "Hit",
    "Hour",
    "Ignored",
    "LetThrough",
    "Log",
    "Reading",
    "Reply",
    "Suggested",
    "Triplet",
    "Usage",
    "Verdict",
]
