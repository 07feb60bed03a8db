"""What the history shows: revisions and single changes, by person, text, outcome."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Max, Q, QuerySet

from mailguard.audit.models import Change
from mailguard.changes import undo
from mailguard.changes.drift import diffs_between
from mailguard.changes.entries import Moved, from_to
from mailguard.changes.models import Revision, State
from mailguard.protection.differences import Difference, between
from mailguard.servers.models import Server
from postfixconf.policy.plan import Plan
from postfixconf.policy.policy import Policy

__all__ = [
    "Comparison",
    "Told",
    "changes",
    "compare",
    "names",
    "refused",
    "revisions",
    "told",
]


@dataclass(frozen=True)
class Told:
    """A single change, the same in words, and whether it still stands."""

    row: Change
    difference: Difference
    stands: bool


@dataclass(frozen=True)
class Comparison:
    """What is different after revision `other`, seen from `one`."""

    settings: tuple[Difference, ...]
    entries: Moved
    diffs: Mapping[str, str]


def revisions(chosen: Mapping[str, str]) -> QuerySet[Revision]:
    """The revisions that fit `text`, `by` and `outcome`, newest first."""
    rows, text = Revision.objects.all(), chosen.get("text", "")
    if text:
        hit = Q(reason__icontains=text) | Q(cause__icontains=text)
        hit |= Q(said__icontains=text) | Q(changes__icontains=text)
        hit |= Q(number=int(text)) if text.isdecimal() else Q()
        rows = rows.filter(hit)
    if "by" in chosen:
        rows = rows.filter(actor_name=chosen["by"])
    if "outcome" in chosen:
        rows = rows.filter(state=chosen["outcome"])
    return rows


def changes(chosen: Mapping[str, str]) -> QuerySet[Change]:
    """The single changes that fit `text` and `by`, newest first."""
    rows, text = Change.objects.all(), chosen.get("text", "")
    if text:
        rows = rows.filter(
            Q(what__icontains=text)
            | Q(reason__icontains=text)
            | Q(before__icontains=text)
            | Q(after__icontains=text)
        )
    return rows.filter(actor_name=chosen["by"]) if "by" in chosen else rows


def names(model: type[Revision] | type[Change]) -> list[str]:
    """Everybody who stands in it, in order."""
    rows = model._default_manager.order_by("actor_name")
    return list(rows.values_list("actor_name", flat=True).distinct())


def told(rows: list[Change]) -> list[Told]:
    """Changes in words; of several of one thing, only the newest still stands."""
    words = [Difference(row.what, row.before, row.after) for row in rows]
    stand = undo.standing(words)
    of_these = Change.objects.filter(what__in={row.what for row in rows}).order_by()
    last = of_these.values("what").annotate(last=Max("id"))
    newest = set(last.values_list("last", flat=True))
    return [
        Told(row, word, word in stand and row.pk in newest)
        for row, word in zip(rows, words, strict=True)
    ]


def compare(one: Revision, other: Revision) -> Comparison:
    """Two revisions: policy, entries and files. Raises BadPolicy."""
    was, then = (
        Policy.from_json(each.policy) if each.policy else Policy()
        for each in (one, other)
    )
    return Comparison(
        tuple(between(was, then)),
        from_to(one.number, other.number),
        diffs_between(one, other),
    )


def refused(server: Server, made: Plan) -> Revision | None:
    """The last revision, where it was this very plan and was refused."""
    last = Revision.objects.filter(server=server).first()
    if last is None or last.state != State.REFUSED:
        return None
    return last if last.plan_digest == made.digest else None
