"""What is wrong with a draft that only its entries tell."""

from collections.abc import Iterator

from mailguard.changes.draft import Draft
from mailguard.lists import services as lists
from mailguard.lists.checks import doubts
from postfixconf.policy.entries import Lookup
from postfixconf.policy.lint import Finding, Level
from postfixconf.policy.observed import Texts
from postfixconf.text.access import lines_of

__all__ = ["findings_of"]

MOST = 50  # entries looked at one by one


def findings_of(draft: Draft, texts: Texts) -> tuple[Finding, ...]:
    """Entries against own domains and hand-written lines, and doubtful ones."""
    return (*_inside(draft), *_doubled(texts), *_doubtful(draft))


def _inside(draft: Draft) -> Iterator[Finding]:
    """Sender entries inside an own domain: they would be asked before the stop."""
    for row in lists.inside(draft.policy.own.domains)[:MOST]:
        yield Finding(
            Level.ERROR,
            "entry_in_own_domain",
            row.what,
            f"{row.value} is in one of your own domains: anyone could claim it.",
            "Take the entry out, and except the client's address on Own domains.",
            blocks=True,
        )


def _doubled(texts: Texts) -> Iterator[Finding]:
    """Entries that a hand-written line of the sender table has already."""
    by_hand = {line.key: line for line in lines_of(texts.access)}
    rows = lists.wanted().filter(lookup=Lookup.ACCESS, value__in=list(by_hand))
    for row in rows[:MOST]:
        line = by_hand[row.value]
        yield Finding(
            Level.ERROR,
            "entry_by_hand",
            row.what,
            f"Line {line.number} of access says “{line.key} {line.action}” already.",
            "Take that line out of the file and adopt the edit, or remove the entry.",
            blocks=True,
        )


def _doubtful(draft: Draft) -> Iterator[Finding]:
    """Entries that reach further than one may think."""
    for row in draft.rows.filter(removed=False).order_by("-id")[:MOST]:
        for sentence in doubts(row.entry):
            yield Finding(
                Level.WARNING,
                "wide_entry",
                row.what,
                sentence,
                "Make it narrower if that is not what you mean.",
            )
