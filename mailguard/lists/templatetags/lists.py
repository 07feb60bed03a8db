"""How an entry is shown: the kind in words, odd characters as marks."""

from django import template

from mailguard.lists.forms import GREY_KINDS, KINDS
from mailguard.lists.services import find
from mailguard.marks import visible
from postfixconf.policy.entries import Entry, Kind

__all__ = ["kind_title", "standing"]

register = template.Library()
register.filter("marked", visible)


@register.filter
def kind_title(kind: str) -> str:
    """What a kind is called on a page."""
    return (KINDS | GREY_KINDS)[Kind(kind)]


@register.filter
def standing(entry: Entry) -> str:
    """Where an entry stands already: "live", "new" in the draft, "" for nowhere."""
    row = find(entry.kind, entry.value)
    return row.state if row and row.side == entry.side else ""
