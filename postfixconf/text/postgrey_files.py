"""postgrey's lists as files: how one of ours is told from another.

written(content)            # the file: a name to ask for, and the content
canary_in(text)             # that name; no other content has it
"""

import hashlib
import re

__all__ = [
    "PROBE_SENDER",
    "canary",
    "canary_in",
    "written",
]

# The envelope sender of mailguard's own questions, by which the log tells them.
PROBE_SENDER = "probe@mailguard-probe.invalid"


def canary(content: str) -> str:
    """A name that only a list with this content lets in.

    postgrey says nothing of what it has read. Asked about a client or recipient of
    this name, its answer tells whether it has read this list or still the one before.
    """
    digest = hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()
    return f"mailguard-{digest[:12]}.seen.invalid"


def canary_in(text: str) -> str | None:
    """The canary of a list as it was written; None for a list without one."""
    found = re.search(r"^mailguard-[0-9a-f]{12}\.seen\.invalid$", text, re.MULTILINE)
    return found[0] if found else None


def written(content: str) -> str:
    """A list of ours whole: its canary, then `content` as it is."""
    return (
        "# The next line lets mailguard see that postgrey has read this file.\n"
        f"{canary(content)}\n{content}"
    )
