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
from postfixconf.policy.listener import SignIn

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
    row = row_or_404(key)
    if request.method != "POST":
        return back_to(key)
    form = SwitchForm(row.control, row.mode, request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(str(form.errors))
    if form.mode is not row.mode and cuts_off(row, form.mode):
        return redirect("sending:confirm", key)
    return save(request, key, form.mode)


@require_http_methods(BOTH)
def confirm(request: HttpRequest, key: str) -> HttpResponse:
    """The consequence in words, and the switch once it is confirmed."""
    row = row_or_404(key)
    mode = Mode.OFF if row.mode is Mode.ON else Mode.ON
    if not cuts_off(row, mode):
        return back_to(key)
    form = SureForm(key, mode, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        return save(request, key, mode)
    context = {"row": row, "mode": mode, "form": form}
    return render(request, "sending/confirm.html", context)


def cuts_off(row: Row, mode: Mode) -> bool:
    """Whether people could not send any more, or a door would stand open."""
    ends = mode is Mode.OFF
    if not row.switchable:
        return False  # it is told so when it is saved
    if isinstance(row.control.place, SignIn):
        return True
    return row.live is Mode.ON if ends else row.control.asks


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


def row_or_404(key: str) -> Row:
    """The row of this control."""
    for row in protection.rows(servers.local()):
        if row.control.key == key and row.control.sends:
            return row
    raise Http404(f"no switch {key!r}")
