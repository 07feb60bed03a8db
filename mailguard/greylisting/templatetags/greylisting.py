"""Times and modes of greylisting as its page says them."""

from django import template

__all__ = ["greylist_word", "lasting"]

register = template.Library()
WORDS = {"off": "off", "test": "only learn", "on": "on"}


@register.filter
def greylist_word(mode: str) -> str:
    """A mode as the page calls it."""
    return WORDS.get(mode, mode)


@register.filter
def lasting(seconds: int) -> str:
    """A time in its largest units: `4 min 10 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest and hours < 10 else f"{hours} h"
