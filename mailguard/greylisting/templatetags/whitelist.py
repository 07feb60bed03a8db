"""How an entry of postgrey's lists is shown, and whether a suggestion is one."""

from collections.abc import Iterable

from django import template

from mailguard.greylisting.refresh import unread
from mailguard.greylisting.whitelist import form_title, taken
from mailguard.lists.models import Entry
from mailguard.servers import services as servers
from postfixconf.policy.entries import Spared

__all__ = ["accepted", "compared", "unread_clients"]

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


@register.simple_tag
def unread_clients() -> list[str]:
    """The list of clients where no running postgrey was started with it."""
    return [each for each in unread(servers.local()) if each.endswith(Spared.CLIENTS)]
