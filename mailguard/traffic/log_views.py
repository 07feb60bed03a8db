"""The mail log: what is read, how far, what else could be, and what is kept."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.servers import services as servers
from mailguard.traffic import offers, retention
from mailguard.traffic.attention import oddities
from mailguard.traffic.forms import KeepForm
from mailguard.traffic.intake import log_of
from mailguard.traffic.models import Reading

__all__ = ["cancel", "keep", "log", "read"]

BOTH = ["GET", "HEAD", "POST"]  # GET: back from signing in again


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """Is the log read, and how far?"""
    server = servers.local()
    row, offered = log_of(server), offers.offered(server)
    context = {
        "log": row,
        "oddities": oddities(row),
        "form": KeepForm.of(row),
        "offered": offered,
        "unread": [each for each in offered if each.reading is None],
        "unknown": sorted(row.unknown.items(), key=lambda each: -each[1])[:20],
        "worker_alive": servers.worker_alive(server),
    }
    return render(request, "traffic/log.html", context)


@require_http_methods(BOTH)
def read(request: HttpRequest) -> HttpResponse:
    """Read an older log that was offered, or all of them."""
    server, wanted = servers.local(), request.POST.getlist("fingerprint")
    for each in offers.offered(server):
        if each.fingerprint in wanted:
            offers.ask(server=server, offered=each, actor=actor_of(request))
    return redirect("traffic:log")


@require_http_methods(BOTH)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop reading an older log."""
    row = get_object_or_404(Reading, pk=pk)
    if request.method == "POST":
        offers.cancel(reading=row, actor=actor_of(request))
    return redirect("traffic:log")


@require_http_methods(BOTH)
def keep(request: HttpRequest) -> HttpResponse:
    """How long attempts are kept, and whether with the people's names."""
    form = KeepForm(request.POST)
    if request.method == "POST" and form.is_valid():
        retention.keep_for(
            server=servers.local(), actor=actor_of(request), **form.cleaned_data
        )
        messages.info(request, "Saved. Nothing has to be applied for this.")
    elif request.method == "POST":
        messages.error(request, f"Nothing was changed. {form.sentence}")
    return redirect("traffic:log")
