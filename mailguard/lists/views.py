"""Allow and deny: find entries, add, look at one, remove one or many."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.audit.models import Change
from mailguard.errors import NotNow
from mailguard.lists import exports, notes, services
from mailguard.lists.checks import Guard, hand_written
from mailguard.lists.deciding import decisions
from mailguard.lists.forms import KINDS, EntryForm, NoteForm
from mailguard.lists.models import Entry
from mailguard.lists.obstacles import foreign_rules
from mailguard.lists.search import SORTS, STATES, Search
from mailguard.servers import services as servers
from postfixconf.errors import BadValue
from postfixconf.policy.entries import Side

__all__ = ["add", "entry", "export", "index", "remove"]

MOST_PICKED = 100


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Who gets special treatment?"""
    search, server = Search.of(request.GET), servers.local()
    context = {
        "search": search,
        "page": search.page(request.GET.get("after", "")),
        "first": "after" not in request.GET,
        "verdicts": decisions(search.text, server) if search.text else [],
        "by_hand": hand_written(server),
        "form": EntryForm(Guard.of(server)),
        "now": timezone.now(),
        **CHOICES,
    }
    return render(request, "lists/index.html", context)


CHOICES = {
    "sides": [(side.value, side.value) for side in Side],
    "kinds": [(kind.value, title) for kind, title in KINDS.items()],
    "states": [(state, state) for state in STATES],
    "sorts": SORTS.items(),
}


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """One more entry; the address may fill in the form (?side=allow&value=…)."""
    guard = Guard.of(servers.local())
    form = EntryForm(guard, request.POST or None, request.GET.dict())
    if request.method == "POST" and form.is_valid() and not form.doubts:
        try:
            row = services.add(
                entry=form.wanted,
                note=form.cleaned_data["note"],
                expires_at=form.cleaned_data["expires"],
                actor=actor_of(request),
            )
            messages.info(request, f"Added to the draft: {row.side} {row.value}.")
            return redirect(reverse("lists:index") + f"?text={row.value}")
        except (BadValue, NotNow) as cause:
            form.add_error("value", str(cause))
    return render(request, "lists/add.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    """One entry: what it is, who wanted it, and what else may stop this sender."""
    row = get_object_or_404(Entry, pk=pk, until_revision=None, kind__in=KINDS)
    form = NoteForm(request.POST) if request.method == "POST" else NoteForm.of(row)
    if request.method == "POST" and form.is_valid():
        note, expires_at = form.cleaned_data["note"], form.cleaned_data["expires"]
        notes.annotate(
            row=row, note=note, expires_at=expires_at, actor=actor_of(request)
        )
        messages.info(request, "Saved. Nothing has to be applied for this.")
        return redirect("lists:entry", pk)
    context = {
        "row": row,
        "form": form,
        "kind": KINDS[row.entry.kind],
        "changes": Change.objects.filter(what=row.what)[:20],
        "foreign": list(foreign_rules(servers.local())),
        "now": timezone.now(),
    }
    return render(request, "lists/entry.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest) -> HttpResponse:
    """Entries less: those ticked, or all that a search finds, once confirmed."""
    if request.method != "POST":  # back from signing in again
        return redirect("lists:index")
    rows = chosen(request)
    count = rows.count()
    if request.POST.get("confirmed") != str(count) or not count:
        return render(request, "lists/remove.html", remove_context(request, rows))
    try:
        gone = services.remove_all(rows=rows, actor=actor_of(request))
        messages.info(request, f"Removed in the draft: {gone:,}.")
    except NotNow as cause:
        messages.error(request, str(cause))
    return redirect("lists:index")


def chosen(request: HttpRequest) -> QuerySet[Entry]:
    """The wanted entries that a request means. Raises BadRequest."""
    if "all" in request.POST:
        return Search.of(request.GET).rows().filter(removed=False)
    picked = request.POST.getlist("pick")[:MOST_PICKED]
    if not all(each.isascii() and each.isdigit() for each in picked):
        raise BadRequest("not the number of an entry")
    return services.wanted().filter(pk__in=[int(each[:18]) for each in picked])


def remove_context(request: HttpRequest, rows: QuerySet[Entry]) -> dict[str, Any]:
    """The question before entries are removed."""
    everything = "all" in request.POST
    return {
        "search": Search.of(request.GET),
        "everything": everything,
        "count": rows.count(),
        "some": rows[:10],
        "picked": [] if everything else rows,
        "asked_before": "confirmed" in request.POST,
    }


@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    """What the search finds as CSV, however much it is."""
    lines = exports.lines(Search.of(request.GET))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="entries.csv"'
    return response
