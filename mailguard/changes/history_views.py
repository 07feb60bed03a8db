"""The pages of the history: what was, what differs, and the ways back."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.audit.models import Change
from mailguard.changes import drift, restore, services, undo
from mailguard.changes import history as histories
from mailguard.changes.forms import FilterForm, ReasonForm
from mailguard.changes.models import Revision, State
from mailguard.changes.templatetags.changes import come_and_go
from mailguard.errors import NotNow
from mailguard.lists.services import Tally
from mailguard.protection.differences import Difference
from mailguard.servers import services as servers
from postfixconf.errors import PostfixconfError

__all__ = [
    "changes",
    "compare",
    "history",
    "restoring",
    "revision",
    "undo_change",
    "undo_of",
]

ON_A_PAGE = 25


@require_safe
def history(request: HttpRequest) -> HttpResponse:
    """The revisions that fit the filter, newest first."""
    form = FilterForm(request.GET, histories.names(Revision), outcome=True)
    rows = histories.revisions(form.chosen)
    page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "changes/history.html", {"page": page, "form": form})


@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """The single changes that fit the filter, newest first."""
    form = FilterForm(request.GET, histories.names(Change), outcome=False)
    rows = histories.changes(form.chosen)
    page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "form": form, "told": histories.told(list(page))}
    return render(request, "changes/changes.html", context)


@require_safe
def revision(request: HttpRequest, number: int) -> HttpResponse:
    """One revision: its steps while it runs, its outcome and its diff."""
    row = get_object_or_404(Revision, number=number)
    applied = row.state == State.APPLIED
    context = {
        "revision": row,
        "changes": row.differences,
        "more": row.more,
        "undoable": undo.standing(row.differences) if applied else set(),
        "tables": [(each["path"], counted(each)) for each in row.tables],
        "diffs": drift.diffs_of(row),
        "newer": Revision.objects.filter(number=number + 1).first(),
        "older": Revision.objects.filter(number=number - 1).first(),
        "worker_alive": servers.worker_alive(row.server),
    }
    response = render(request, "changes/revision.html", context)
    if request.headers.get("HX-Target") == "outcome" and row.finished:
        response["HX-Refresh"] = "true"  # the bar and the menu have changed too
    return response


def counted(table: dict[str, object]) -> str:
    """What a revision did to one table."""
    come, go = int(str(table["added"])), int(str(table["removed"]))
    return come_and_go(Tally(come, go, ""))


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Two revisions side by side: policy, entries, files."""
    one = get_object_or_404(Revision, number=number_of(request, "from"))
    other = get_object_or_404(Revision, number=number_of(request, "to"))
    context: dict[str, object] = {"one": one, "other": other}
    try:
        context["found"] = histories.compare(one, other)
    except PostfixconfError as cause:
        messages.error(request, str(cause))
    return render(request, "changes/compare.html", context)


def number_of(request: HttpRequest, name: str) -> int:
    """A revision's number from the address; 0, which no revision has, otherwise."""
    text = request.GET.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


@require_http_methods(["GET", "HEAD", "POST"])
def restoring(request: HttpRequest, number: int) -> HttpResponse:
    """What restoring a revision changes, and the two ways to do it."""
    row = get_object_or_404(Revision, number=number)
    form = ReasonForm(
        request.POST or None, initial={"reason": f"Back to revision {number}"}
    )
    try:
        if request.method == "POST" and form.is_valid():
            queued = restore.request_restore(
                server=row.server,
                actor=actor_of(request),
                revision=row,
                reason=form.cleaned_data["reason"],
                as_draft="draft" in request.POST,
            )
            return to(queued)
        found = restore.preview(row.server, row)
    except (NotNow, PostfixconfError) as cause:
        messages.error(request, str(cause))
        return redirect("changes:revision", number)
    context = {"revision": row, "form": form, "found": found}
    return render(request, "changes/restore.html", context)


def to(queued: Revision | None) -> HttpResponse:
    """Where to look now: at the revision, or at what waits."""
    if queued is None:
        return redirect("changes:review")
    return redirect("changes:revision", queued.number)


@require_http_methods(["GET", "HEAD", "POST"])
def undo_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back a single change from the record."""
    row = get_object_or_404(Change, pk=pk)
    change = Difference(row.what, row.before, row.after)
    origin = f"Undo the change of {row.at:%Y-%m-%d %H:%M} by {row.actor_name}"
    return undoing(request, change, origin, redirect("changes:changes"))


@require_http_methods(["GET", "HEAD", "POST"])
def undo_of(request: HttpRequest, number: int) -> HttpResponse:
    """Take back one change of a revision."""
    row = get_object_or_404(Revision, number=number, state=State.APPLIED)
    what = request.GET.get("what", "")
    back = redirect("changes:revision", number)
    for change in row.differences:
        if change.what == what:
            return undoing(request, change, f"Undo a change of revision {number}", back)
    messages.error(request, f"Revision {number} names no such change.")
    return back


def undoing(
    request: HttpRequest, change: Difference, origin: str, back: HttpResponse
) -> HttpResponse:
    """The way back of one change in words, and the button; `back` where it is shut."""
    server = servers.local()
    form = ReasonForm(request.POST or None, initial={"reason": origin})
    try:
        if request.method == "POST" and form.is_valid():
            queued = undo.undo(
                server=server,
                actor=actor_of(request),
                change=change,
                reason=form.cleaned_data["reason"],
            )
            return to(queued)
        found = undo.of(server, change)
    except (NotNow, PostfixconfError) as cause:
        messages.error(request, str(cause))
        return back
    busy = services.unfinished(server)
    context = {
        "found": found,
        "form": form,
        "loses": undo.loses(change.reverse),
        "unfinished": busy,
        "back": back["Location"],
    }
    return render(request, "changes/undo.html", context)
