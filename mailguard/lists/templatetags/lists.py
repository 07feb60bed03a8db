"""How an entry is shown: the kind in words, odd characters as marks."""

from django import template

from mailguard.lists.forms import GREY_KINDS, KINDS
from mailguard.marks import visible
from postfixconf.policy.entries import Kind

__all__ = ["kind_title"]

register = template.Library()
register.filter("marked", visible)


@register.filter
def kind_title(kind: str) -> str:
    """What a kind is called on a page."""
    return (KINDS | GREY_KINDS)[Kind(kind)]
