"""How a diff is shown: a class a line, odd bytes and control characters marked."""

from dataclasses import dataclass

from django import template

__all__ = ["Line", "difflines", "fit", "weight"]

register = template.Library()

STEPS = {
    "compare": "files are as reviewed",
    "check": "no finding forbids it",
    "stage": "new files written beside",
    "checkpoint": "old state saved",
    "replace": "files exchanged",
    "restart": "Postfix restarted",
    "reload": "Postfix reloaded",
    "probe": "live server asked",
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
def weight(diff: str) -> str:
    """How many lines a diff adds and removes."""
    lines = diff.split("\n")[2:]
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    return f"+{added} -{removed}"
