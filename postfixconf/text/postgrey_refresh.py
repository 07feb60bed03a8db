"""Whether a list that somebody publishes may replace the one that is there.

    cause = refusal(document, before, most=30)   # a sentence, or "" for a good list
    diff(before, after)                          # what comes and goes

Any line that kills postgrey or lets in everybody refuses the whole list. A line that
postgrey passes over does no harm, and the published list had such ones (four versions
of 2017 and 2018 have an expression without its last `/`): few of them are kept as they
are and told; where they are many, it is no such list.
"""

import difflib

from postfixconf.errors import quoted
from postfixconf.text.postgrey_lists import Document

__all__ = ["LARGEST", "SHRINK", "diff", "passed_over", "refusal", "shrunk", "unfit"]

LARGEST = 1_000_000  # bytes; the published list has 12,000
SHRINK = 30  # percent of the entries that may be gone, at first
DEAD_SHARE = 0.05  # of the entries that may mean nothing to postgrey
TOLD = 3  # faulty lines in one sentence
KEPT = "Nothing was changed: the list that is there stays."


def unfit(data: bytes) -> str:
    """Why bytes are no list at all, as a sentence; empty where they may be one."""
    if not data.strip():
        return f"The file is empty. {KEPT}"
    if len(data) > LARGEST:
        return f"The file has {len(data):,} bytes, at most {LARGEST:,} are read. {KEPT}"
    start = data.lstrip()[:500].decode("utf-8", "replace")
    if start[:1] == "<" or "<html" in start.lower():
        return f"This is a web page, not a list: it begins {quoted(start[:60])}. {KEPT}"
    if b"\0" in data or any(byte < 32 and byte not in b"\t\n\r\f\v" for byte in data):
        return f"This is not text: it begins {quoted(start[:40])}. {KEPT}"
    if not data.endswith(b"\n"):
        last = data.rsplit(b"\n", 1)[-1].decode("utf-8", "replace")
        return (
            f"The file is cut off: its last line {quoted(last)} has no end. "
            f"Have the file end in a newline if it is whole. {KEPT}"
        )
    return ""


def refusal(after: Document, before: Document | None, most: int) -> str:
    """Why a list may not go live, as a sentence; empty where it may.

    `after` has been checked by Perl too; `before` is what is there, `most` the percent
    of its entries that may be gone.
    """
    if not after.entries:
        return f"The file has no entry at all, only comments. {KEPT}"
    if grave := [line for line in after.lines if line.grave]:
        told = " ".join(line.sentence for line in grave[:TOLD])
        return f"{told}{more(len(grave))} {KEPT}"
    dead = passed_over(after)
    if len(dead) > DEAD_SHARE * len(after.entries):
        told = " ".join(dead[:TOLD])
        count = f"{len(dead)} of {len(after.entries)} lines are no entries"
        return f"This is no list of postgrey's: {count}. {told}{more(len(dead))} {KEPT}"
    percent = shrunk(after, before)
    if before is not None and percent > most:
        gone = sorted(before.values - after.values)
        return (
            f"{len(gone)} of {len(before.values)} entries would go, {percent} %: more "
            f"than the {most} % that are allowed, for example {quoted(gone[0])}. {KEPT}"
        )
    return ""


def passed_over(document: Document) -> list[str]:
    """Sentences about lines that mean nothing to postgrey, and do no harm."""
    return [line.sentence for line in document.lines if line.fault and not line.grave]


def shrunk(after: Document, before: Document | None) -> int:
    """How many of the entries before are gone, in percent, rounded up."""
    if before is None or not before.values:
        return 0
    gone = len(before.values - after.values)
    return -(-100 * gone // len(before.values))


def more(count: int) -> str:
    """How many faulty lines were not told."""
    return f" And {count - TOLD:,} more such lines." if count > TOLD else ""


def diff(before: str, after: str) -> str:
    """A unified diff of two lists as text."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "list now", "list then", lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)
