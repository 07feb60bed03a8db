"""What a rehearsal found, for the pages of a change."""

from django import template

from mailguard.changes.models import Revision
from mailguard.rehearsals.models import Rehearsal
from mailguard.rehearsals.services import latest
from mailguard.rehearsals.views import effect_context

__all__ = ["effect_on_mail", "rehearsal_of"]

register = template.Library()


@register.inclusion_tag("rehearsals/effect.html", takes_context=True)
def effect_on_mail(context: template.Context, page: str) -> dict[str, object]:
    """What the draft would do to recorded mail, and how to find out."""
    return effect_context() | {
        "page": page,
        "csrf_token": context.get("csrf_token"),
    }


@register.simple_tag
def rehearsal_of(revision: Revision) -> Rehearsal | None:
    """The rehearsal of the plan that a revision brought live, if there was one."""
    digest = revision.plan_digest
    return latest(revision.server, digest) if digest else None
