"""How an entry is shown: the kind in words, odd characters as marks."""

from django import template

from mailguard.lists.forms import KINDS
from postfixconf.policy.entries import Kind

__all__ = ["kind_title", "marked"]

register = template.Library()


@register.filter
def kind_title(kind: str) -> str:
    """What a kind is called on a page."""
    return KINDS[Kind(kind)]


@register.filter
def marked(text: str) -> str:
    """Text fit for a page: control and invisible characters as \\x.. marks."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
