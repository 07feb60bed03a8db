"""The published list: when it was fetched, what came of it, and the ways to another."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.errors import NotNow
from mailguard.greylisting import refresh
from mailguard.greylisting.refresh_forms import FileForm, ScheduleForm
from mailguard.greylisting.refresh_models import Refresh
from mailguard.servers import services as servers
from postfixconf.text.postgrey_lists import Which, parse
from postfixconf.text.postgrey_refresh import diff

__all__ = ["again", "attempt", "index", "now", "schedule", "upload"]

BOTH = ["GET", "HEAD", "POST"]  # GET: back from signing in again
ON_A_PAGE = 15
OURS = "postgrey_published"
SHOWN = 200  # entries that came or went, one by one


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Is the published list up to date?"""
    return page(request)


def page(request: HttpRequest, **forms: Any) -> HttpResponse:
    """The page, with the form that somebody got wrong in place of the good one."""
    server = servers.local()
    rows = Refresh.objects.filter(server=server).defer("data", "before")
    context = {
        "schedule": refresh.schedule_of(server),
        "due_at": refresh.due_at(server),
        "live": refresh.live(server),
        "latest": refresh.latest(server),
        "unread": [each for each in refresh.unread(server) if each.endswith(OURS)],
        "busy": refresh.unfinished(server),
        "page": Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page")),
        "schedule_form": ScheduleForm.of(refresh.schedule_of(server)),
        "file_form": FileForm(),
        **forms,
    }
    return render(request, "greylisting/refresh.html", context)


@require_http_methods(BOTH)
def now(request: HttpRequest) -> HttpResponse:
    """Fetch it now; with `over_edit` also where somebody edited the file by hand."""
    if request.method != "POST":
        return redirect("greylisting:refresh")
    over_edit = request.POST.get("over_edit") == "1"
    try:
        row = refresh.ask(
            server=servers.local(), actor=actor_of(request), over_edit=over_edit
        )
    except NotNow as cause:
        messages.info(request, str(cause))
        busy = refresh.unfinished(servers.local())
        back = redirect("greylisting:refresh")
        return redirect("greylisting:attempt", busy.pk) if busy else back
    return redirect("greylisting:attempt", row.pk)


@require_http_methods(BOTH)
def schedule(request: HttpRequest) -> HttpResponse:
    """Change when and from where it is fetched."""
    if request.method != "POST":
        return redirect("greylisting:refresh")
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        return page(request, schedule_form=form)
    refresh.schedule(
        server=servers.local(), actor=actor_of(request), **form.cleaned_data
    )
    messages.info(request, "Saved. It holds at once: nothing has to be applied.")
    return redirect("greylisting:refresh")


@require_http_methods(BOTH)
def upload(request: HttpRequest) -> HttpResponse:
    """Take a list from a file."""
    if request.method != "POST":
        return redirect("greylisting:refresh")
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid():
        return page(request, file_form=form)
    file = form.cleaned_data["file"]
    try:
        row = refresh.upload(
            server=servers.local(),
            name=file.name,
            data=file.read(),
            actor=actor_of(request),
        )
    except NotNow as cause:
        messages.error(request, str(cause))
        return redirect("greylisting:refresh")
    return redirect("greylisting:attempt", row.pk)


@require_safe
def attempt(request: HttpRequest, pk: int) -> HttpResponse:
    """One attempt: how far it is, how it ended, and what came and went."""
    row = get_object_or_404(Refresh, pk=pk)
    live = refresh.live(row.server)
    told = diff(row.text_before, row.text) if row.data and not row.open else ""
    now, then = (
        parse(text, Which.CLIENTS).values for text in (row.text, row.text_before)
    )
    context = {
        "row": row,
        "come": sorted(now - then)[:SHOWN],
        "go": sorted(then - now)[:SHOWN],
        "diffs": {"the published list": told} if told else {},
        "is_live": live is not None and live.pk == row.pk,
        "worker_alive": servers.worker_alive(row.server),
    }
    response = render(request, "greylisting/refresh_attempt.html", context)
    if request.headers.get("HX-Target") == "refresh" and not row.open:
        response["HX-Refresh"] = "true"
    return response


@require_http_methods(BOTH)
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a list back that was live once."""
    row = get_object_or_404(Refresh, pk=pk)
    if request.method != "POST":
        return redirect("greylisting:attempt", pk)
    try:
        made = refresh.put_back(server=row.server, row=row, actor=actor_of(request))
    except NotNow as cause:
        messages.error(request, str(cause))
        return redirect("greylisting:attempt", pk)
    return redirect("greylisting:attempt", made.pk)
