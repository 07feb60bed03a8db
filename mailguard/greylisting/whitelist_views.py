"""Whom greylisting leaves alone: find, add, look, remove, accept a suggestion."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.asked import plain
from mailguard.audit.models import Change
from mailguard.errors import NotNow
from mailguard.greylisting import refresh, whitelist
from mailguard.greylisting.whitelist_forms import KINDS, WhitelistForm
from mailguard.greylisting.whitelist_hits import with_hits
from mailguard.lists import notes, services
from mailguard.lists.forms import NoteForm
from mailguard.lists.models import Entry
from mailguard.servers import services as servers
from postfixconf.errors import BadValue
from postfixconf.policy.entries import GREY, Spared

__all__ = ["accept", "add", "entry", "index", "remove"]

BOTH = ["GET", "HEAD", "POST"]  # GET: back from signing in again
ON_A_PAGE = 50
OURS = tuple(Spared)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Who never waits?"""
    text = plain(request.GET.get("text", "")).strip()
    kind = request.GET.get("kind", "")
    rows, server = whitelist.entries(text, kind), servers.local()
    page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "text": text,
        "kind": kind,
        "kinds": KINDS.items(),
        "page": page,
        "rows": with_hits(server, page.object_list),
        "unread": [each for each in refresh.unread(server) if each.endswith(OURS)],
        "form": WhitelistForm(server),
        "now": timezone.now(),
    }
    return render(request, "greylisting/whitelist.html", context)


@require_http_methods(BOTH)
def add(request: HttpRequest) -> HttpResponse:
    """One more; the address may fill in the form (?kind=grey_client&value=…)."""
    form = WhitelistForm(servers.local(), request.POST or None, request.GET.dict())
    if request.method == "POST" and form.is_valid() and not form.doubts:
        try:
            row = services.add(
                entry=form.wanted,
                note=form.cleaned_data["note"],
                expires_at=form.cleaned_data["expires"],
                actor=actor_of(request),
            )
            messages.info(request, f"Added to the draft: {row.value} never waits.")
            return redirect("greylisting:whitelist")
        except (BadValue, NotNow) as cause:
            form.add_error("value", str(cause))
    return render(request, "greylisting/whitelist_add.html", {"form": form})


@require_http_methods(BOTH)
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    """One entry: what it means, who wanted it, its note and expiry."""
    row = get_object_or_404(Entry, pk=pk, until_revision=None, kind__in=[*GREY])
    form = NoteForm(request.POST) if request.method == "POST" else NoteForm.of(row)
    if request.method == "POST" and form.is_valid():
        note, expires_at = form.cleaned_data["note"], form.cleaned_data["expires"]
        notes.annotate(
            row=row, note=note, expires_at=expires_at, actor=actor_of(request)
        )
        messages.info(request, "Saved. Nothing has to be applied for this.")
        return redirect("greylisting:entry", pk)
    context = {
        "row": with_hits(servers.local(), [row])[0],
        "form": form,
        "kind": KINDS[row.entry.kind],
        "changes": Change.objects.filter(what=row.what)[:20],
        "now": timezone.now(),
    }
    return render(request, "greylisting/whitelist_entry.html", context)


@require_http_methods(BOTH)
def remove(request: HttpRequest) -> HttpResponse:
    """Those that are ticked wait again, once it is applied."""
    if request.method != "POST":
        return redirect("greylisting:whitelist")
    picked = request.POST.getlist("pick")[: 2 * ON_A_PAGE]
    if not all(each.isascii() and each.isdigit() for each in picked):
        raise BadRequest("not the number of an entry")
    rows = services.wanted().filter(
        kind__in=[*GREY], pk__in=[int(each[:18]) for each in picked]
    )
    try:
        actor, count = actor_of(request), 0
        for row in rows:
            services.remove(row=row, actor=actor)
            count += 1
        told = f"Removed in the draft: {count}." if count else "Nothing was ticked."
        messages.info(request, told)
    except NotNow as cause:
        messages.error(request, str(cause))
    return redirect("greylisting:whitelist")


@require_http_methods(BOTH)
def accept(request: HttpRequest) -> HttpResponse:
    """Whoever is suggested never waits, once it is applied."""
    if request.method != "POST":
        return redirect("traffic:suggestions")
    server, who = servers.local(), request.POST.get("who", "")
    try:
        made = whitelist.accept(server=server, who=who, actor=actor_of(request))
    except NotNow as cause:
        messages.error(request, str(cause))
        return redirect("traffic:suggestions")
    values = ", ".join(row.value for row in made)
    told = f"Added to the draft: {values}." if made else "That is in the draft already."
    messages.info(request, f"{told} Review and apply, and they wait no longer.")
    return redirect(reverse("traffic:suggestions"))
