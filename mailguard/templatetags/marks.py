"""How a page shows what a stranger wrote: `{{ attempt.helo|visible }}`."""

from django import template

from mailguard.marks import visible

__all__ = ["register"]

register = template.Library()
register.filter("visible", visible)
