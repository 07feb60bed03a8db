"""How changes and diffs are shown: odd bytes and control characters are marked."""

from dataclasses import dataclass

from django import template

from mailguard.lists.services import Tally
from postfixconf.policy.probe_service import PROBE_SERVICE

__all__ = ["Line", "come_and_go", "difflines", "fit", "probes", "told", "weight"]

register = template.Library()

STEPS = {
    "compare": "files are as reviewed",
    "check": "no finding forbids it",
    "stage": "new files written beside",
    "rehearse": "tried on a Postfix of its own",
    "checkpoint": "old state saved",
    "baseline": "live server asked before",
    "serve": "greylisting service answers",
    "replace": "files exchanged",
    "reread": "greylisting read its list again",
    "restart": "Postfix restarted",
    "reload": "Postfix reloaded",
    "probe": "live server asked",
    "settle": "greylisting service as wanted",
    "restore": "old files put back",
}
KINDS = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True)
class Line:
    """One line of a diff: its CSS class and its text."""

    kind: str
    text: str


def fit(text: str) -> str:
    """Text fit for a page: control characters and lone surrogates as \\x.. marks."""
    return "".join(
        char if char.isprintable() or char == "\t" else ascii(char)[1:-1]
        for char in text
    )


def come_and_go(tally: Tally | None) -> str:
    """What happens to the entries of a table: “3 entries come, 1 goes”."""
    come, go = (tally.come, tally.go) if tally else (0, 0)
    if not come and not go:
        return "made anew"
    comes = f"{come:,} entr{'y comes' if come == 1 else 'ies come'}" if come else ""
    goes = f"{go:,}{'' if come else entries(go)} go{'es' if go == 1 else ''}"
    return ", ".join(filter(None, [comes, goes if go else ""]))


def entries(count: int) -> str:
    """The word behind a number of entries."""
    return " entry" if count == 1 else " entries"


@register.filter
def told(state: str) -> str:
    """A state before or after a change; empty is what is not there."""
    return fit(state) or "not there"


@register.filter
def in_words(step: str) -> str:
    """A step of the protocol as a page names it."""
    return STEPS.get(step, step)


@register.filter
def difflines(diff: str) -> list[Line]:
    """The lines of a unified diff, without its two file lines."""
    lines = diff.split("\n")[2:]
    return [Line(KINDS.get(line[:1], "same"), fit(line)) for line in lines if line]


@register.filter
def probes(diff: str) -> bool:
    """Whether a diff adds the service that mailguard asks after each apply."""
    return any(line.split()[:1] == [f"+{PROBE_SERVICE}"] for line in diff.split("\n"))


@register.filter
def weight(diff: str) -> str:
    """How many lines a diff adds and removes."""
    lines = diff.split("\n")[2:]
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    return f"+{added} -{removed}"
