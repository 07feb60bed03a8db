"""Whom greylisting keeps waiting for nothing: the page, and what is clicked on it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.servers import services as servers
from mailguard.servers.models import Live
from mailguard.traffic import suggesting
from mailguard.traffic.models import Ignored, Suggested, Triplet
from mailguard.traffic.suggestion_words import shown
from postfixconf.policy.control import Mode
from postfixconf.policy.greylisting import GREYLISTING

__all__ = ["heed", "ignore", "index"]

BOTH = ["GET", "HEAD", "POST"]  # GET: back from signing in again


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Who is kept waiting for nothing?"""
    server = servers.local()
    found = suggesting.latest(server)
    live = Live.objects.filter(server=server, key=GREYLISTING)
    context = {
        "suggestions": [shown(each) for each in found or []],
        "worked_out": Suggested.objects.filter(server=server).first(),
        "any_lines": Triplet.objects.filter(server=server).exists(),
        "learning": live.filter(mode=Mode.TEST).exists(),
        "ignored": Ignored.objects.filter(server=server),
    }
    return render(request, "traffic/suggestions.html", context)


@require_http_methods(BOTH)
def ignore(request: HttpRequest) -> HttpResponse:
    """Never suggest one again."""
    if request.method == "POST":
        who, server = request.POST.get("who", ""), servers.local()
        if not suggesting.ignore(server=server, who=who, actor=actor_of(request)):
            messages.info(
                request, "That is not suggested any more. Nothing was changed."
            )
    return redirect("traffic:suggestions")


@require_http_methods(BOTH)
def heed(request: HttpRequest) -> HttpResponse:
    """Suggest one again that was ignored."""
    if request.method == "POST":
        who, server = request.POST.get("who", ""), servers.local()
        if not suggesting.heed(server=server, who=who, actor=actor_of(request)):
            messages.info(request, "That was not ignored. Nothing was changed.")
    return redirect("traffic:suggestions")
