"""Greylisting: who is being delayed? Every setting is a draft, as on Protection."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.errors import NotNow
from mailguard.greylisting import services
from mailguard.greylisting.forms import ModeForm, SettingsForm
from mailguard.greylisting.waiting import kept_waiting, live_settings, weeks
from mailguard.protection import services as protection
from mailguard.protection.greylist_settings import greylisting, set_greylisting
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.traffic import suggesting
from mailguard.traffic.beside import beside
from postfixconf.errors import BadPolicy
from postfixconf.policy.control import Mode
from postfixconf.policy.greylisting import GREYLISTING
from postfixconf.text.postgrey_options import convention_of

__all__ = ["index", "service", "settings", "switch"]

BOTH = ["GET", "HEAD", "POST"]  # GET: back from signing in again


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Who is being delayed?"""
    return page(request)


def page(request: HttpRequest, **forms: Any) -> HttpResponse:
    """The page, with the form that somebody got wrong in place of the usual one."""
    server = servers.local()
    row, found = row_of(server), services.latest(server)
    wanted, live = greylisting(), live_settings(server)
    context = {
        "row": row,
        "evidence": beside(server, {GREYLISTING: row.live})[GREYLISTING],
        "mode_form": ModeForm(row.mode),
        "settings_form": settings_form(server, None),
        "unset": wanted != live,
        "live": live,
        "service": found,
        "order": services.waiting_order(server),
        "orders": services.orders(server),
        "waiting": kept_waiting(server) if row.live is Mode.ON else None,
        "weeks": weeks(server),
        "suggestions": suggesting.latest(server) or [],
        **forms,
    }
    return render(request, "greylisting/index.html", context)


@require_http_methods(BOTH)
def switch(request: HttpRequest) -> HttpResponse:
    """Want it off, only learning, or on; on is asked back once."""
    server = servers.local()
    row = row_of(server)
    form = ModeForm(row.mode, request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return redirect("greylisting:index")
    if not form.is_valid():
        return page(request, mode_form=form)
    if form.mode is Mode.ON and row.mode is not Mode.ON:
        return redirect("protection:confirm", GREYLISTING)
    try:
        protection.set_mode(
            server=server, key=GREYLISTING, mode=form.mode, actor=actor_of(request)
        )
    except BadPolicy as cause:
        messages.error(request, f"{cause}. Nothing was changed.")
    return redirect("greylisting:index")


@require_http_methods(BOTH)
def settings(request: HttpRequest) -> HttpResponse:
    """Want postgrey to be set in another way."""
    if request.method != "POST":
        return redirect("greylisting:index")
    form = settings_form(servers.local(), request.POST)
    if not form.is_valid():
        return page(request, settings_form=form)
    if not set_greylisting(settings=form.settings, actor=actor_of(request)):
        messages.info(request, "That is how it is already. Nothing was changed.")
    return redirect("greylisting:index")


@require_http_methods(BOTH)
def service(request: HttpRequest) -> HttpResponse:
    """Have postgrey started, stopped or started anew."""
    if request.method == "POST":
        try:
            services.order(
                server=servers.local(),
                verb=request.POST.get("verb", ""),
                actor=actor_of(request),
            )
        except NotNow as cause:
            messages.error(request, str(cause))
    return redirect("greylisting:index")


def settings_form(server: Server, data: Any) -> SettingsForm:
    """The settings as they are wanted; the text only where it can be set."""
    seen = servers.last_observed(server)
    path = seen.facts.postgrey_options if seen else ""
    takes_text = convention_of(path).text is not None
    return SettingsForm(greylisting(), data, takes_text=takes_text)


def row_of(server: Server) -> protection.Row:
    """Greylisting as a control."""
    rows = protection.rows(server)
    return next(each for each in rows if each.control.key == GREYLISTING)
