"""What a rehearsal found, for the pages of a change."""

from django import template

from mailguard.changes.models import Revision
from mailguard.rehearsals.models import Rehearsal
from mailguard.rehearsals.services import latest
from mailguard.rehearsals.views import effect_context
from mailguard.servers import services as servers
from postfixconf.policy.plan import Plan

__all__ = ["effect_on_mail", "rehearsal_of", "rehearsed_plan"]

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
    """The rehearsal of a revision's plan before it was queued, if there was one."""
    digest, queued = revision.plan_digest, revision.queued_at
    return latest(revision.server, digest, before=queued) if digest else None


@register.simple_tag
def rehearsed_plan(plan: Plan | None) -> Rehearsal | None:
    """The newest rehearsal of a plan that is looked at, if there was one."""
    return latest(servers.local(), plan.digest) if plan else None
