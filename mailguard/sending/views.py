"""Sending: how do our people send? Every switch is a draft, as on Protection."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.protection import services as protection
from mailguard.protection.services import Row
from mailguard.sending.forms import SureForm, SwitchForm
from mailguard.sending.ways import Way, is_practice, listening, ways
from mailguard.servers import services as servers
from postfixconf.errors import BadPolicy
from postfixconf.host.practice_dovecot import PASSWORD, PEOPLE
from postfixconf.policy.control import Mode
from postfixconf.policy.listener import LogName, SignIn

__all__ = ["confirm", "index", "switch"]

BOTH = ["GET", "HEAD", "POST"]  # GET: back from signing in again


@dataclass(frozen=True)
class Shown:
    """A way in with its form."""

    way: Way
    form: SwitchForm


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """How do our people send?"""
    server = servers.local()
    context = {
        "shown": [
            Shown(way, SwitchForm(way.row.control, way.row.mode))
            for way in ways(server)
        ],
        "listening": listening(server),
        "practice": is_practice(server),
        "people": PEOPLE,
        "password": PASSWORD,
    }
    return render(request, "sending/index.html", context)


@require_http_methods(BOTH)
def switch(request: HttpRequest, key: str) -> HttpResponse:
    """Save one switch in the draft, or ask first where people could be cut off."""
    way = way_or_404(key)
    row = way.row
    if request.method != "POST":
        return back_to(key)
    form = SwitchForm(row.control, row.mode, request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(str(form.errors))
    if ends_sign_in(row, form.mode):
        return redirect("sending:auth_off")
    if form.mode is not row.mode and asks_first(way, form.mode):
        return redirect("sending:confirm", key)
    return save(request, key, form.mode)


@require_http_methods(BOTH)
def confirm(request: HttpRequest, key: str) -> HttpResponse:
    """The consequence in words, and the switch once it is confirmed."""
    way = way_or_404(key)
    row = way.row
    mode = Mode.OFF if row.mode is Mode.ON else Mode.ON
    if ends_sign_in(row, mode):
        return redirect("sending:auth_off")
    if not asks_first(way, mode):
        return back_to(key)
    form = SureForm(key, mode, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        return save(request, key, mode)
    context = {"way": way, "row": row, "mode": mode, "form": form}
    return render(request, "sending/confirm.html", context)


def asks_first(way: Way, mode: Mode) -> bool:
    """Whether people could be cut off, or the port would be of no use."""
    row, ends = way.row, mode is Mode.OFF
    if not row.switchable:
        return False  # it is told so when it is saved
    if isinstance(row.control.place, SignIn):
        return True
    if ends:
        return row.live is Mode.ON and not isinstance(row.control.place, LogName)
    return row.control.asks or bool(way.hindered)


def ends_sign_in(row: Row, mode: Mode) -> bool:
    """Whether somebody who is known by name could be cut off: that page names them."""
    sign_in = isinstance(row.control.place, SignIn)
    return sign_in and mode is Mode.OFF is not row.mode


def save(request: HttpRequest, key: str, mode: Mode) -> HttpResponse:
    """Write the draft and show the page again."""
    try:
        protection.set_mode(
            server=servers.local(), key=key, mode=mode, actor=actor_of(request)
        )
    except BadPolicy as cause:
        messages.error(request, f"{cause}. Nothing was changed.")
    return back_to(key)


def back_to(key: str) -> HttpResponse:
    """The page, at the row of this control."""
    return redirect(f"{reverse('sending:index')}#{key}")


def way_or_404(key: str) -> Way:
    """The way in with this control."""
    for way in ways(servers.local()):
        if way.row.control.key == key:
            return way
    raise Http404(f"no switch {key!r}")
