"""How an entry of postgrey's lists is shown, and whether a suggestion is one."""

from collections.abc import Iterable

from django import template

from mailguard.greylisting.whitelist import form_title, taken
from mailguard.lists.models import Entry

__all__ = ["accepted", "compared"]

register = template.Library()


@register.filter
def compared(row: Entry) -> str:
    """As what postgrey compares an entry."""
    return form_title(row.kind, row.value)


@register.filter
def accepted(lines: Iterable[str]) -> str:
    """`draft` or `live` where all of a suggestion's lines are entries; empty if not."""
    wanted = [*lines]
    found = taken(line.lower() for line in wanted)
    if len(found) < len(wanted) or not wanted:
        return ""
    return "live" if all(row.state == "live" for row in found.values()) else "draft"
