"""The Protection page: a row a control, saved as a draft at each click."""

from dataclasses import dataclass
from itertools import groupby

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import (
    require_http_methods,
    require_safe,
)

from mailguard.accounts.services import actor_of
from mailguard.protection import services
from mailguard.protection.domains import who_sends_as_us
from mailguard.protection.forms import ConfirmForm, ControlForm
from mailguard.servers import services as servers
from mailguard.traffic.beside import Beside, beside
from mailguard.traffic.series import recipients_a_day
from postfixconf.errors import BadPolicy
from postfixconf.policy.control import Group, Mode
from postfixconf.policy.controls import STATIC
from postfixconf.policy.greylisting import GREYLISTING
from postfixconf.policy.listing import former
from postfixconf.policy.policy import OWN

__all__ = ["confirm", "index", "switch"]


@dataclass(frozen=True)
class Shown:
    """A row of the page with its form and what the log says."""

    row: services.Row
    form: ControlForm
    evidence: Beside


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every control, by group."""
    server = servers.local()
    rows = [row for row in services.rows(server) if not row.control.sends]
    evidence = beside(server, {row.control.key: row.live for row in rows})
    shown = [
        Shown(row, ControlForm(row.control, row.mode), evidence[row.control.key])
        for row in rows
    ]
    by_group = groupby(
        sorted(shown, key=lambda each: list(Group).index(each.row.control.group)),
        key=lambda each: each.row.control.group,
    )
    groups = [(name.value, list(members)) for name, members in by_group]
    context = {
        "groups": groups,
        "recorded_a_day": recipients_a_day(server, timezone.now()),
    }
    return render(request, "protection/index.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def switch(request: HttpRequest, key: str) -> HttpResponse:
    """Save the mode of one control, or ask first where it can lose mail."""
    row = row_or_404(key)
    if request.method != "POST":  # back from signing in again
        return back_to(key)
    form = ControlForm(row.control, row.mode, request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(str(form.errors))
    if form.mode is Mode.ON and row.mode is not Mode.ON and row.control.asks:
        return redirect("protection:confirm", key)
    return save(request, key, form.mode)


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, key: str) -> HttpResponse:
    """The consequence in words, and the switch once it is confirmed."""
    row = row_or_404(key)
    as_us = who_sends_as_us(servers.local()) if key == OWN else None
    against = as_us.warning if as_us else ""
    form = ConfirmForm(row.control, request.POST or None, against)
    if request.method == "POST" and form.is_valid():
        return save(request, key, Mode.ON, confirmed=True)
    context = {
        "row": row,
        "form": form,
        "evidence": evidence_of(row),
        "as_us": as_us,
    }
    return render(request, "protection/confirm.html", context)


def save(
    request: HttpRequest, key: str, mode: Mode, *, confirmed: bool = False
) -> HttpResponse:
    """Write the draft and show the page again."""
    try:
        changes = services.set_mode(
            server=servers.local(),
            key=key,
            mode=mode,
            actor=actor_of(request),
            confirmed=confirmed,
        )
    except BadPolicy as cause:
        messages.error(request, f"{cause}. Nothing was changed.")
        changes = []
    for also in changes[1:]:
        if also.reason == services.BARE:
            told = "It will be asked with its return codes: it was found without."
        else:
            told = f"Also switched on: {also.what} ({also.reason})."
        messages.info(request, told)
    return back_to(key)


def evidence_of(row: services.Row) -> Beside:
    """What the log says of this control."""
    return beside(servers.local(), {row.control.key: row.live})[row.control.key]


def back_to(key: str) -> HttpResponse:
    """The page, at the row of this control; own domains, lists, greylisting and
    the ways to send have their own."""
    if key == OWN:
        return redirect("protection:domains")
    if key == GREYLISTING:
        return redirect("greylisting:index")
    if key in STATIC and STATIC.control(key).sends:
        return redirect(f"{reverse('sending:index')}#{key}")
    if former(key) is not None:
        return redirect(reverse("protection:blocklists") + "#" + key)
    return redirect(reverse("protection:index") + "#" + key)


def row_or_404(key: str) -> services.Row:
    """The row of this control."""
    for row in services.rows(servers.local()):
        if row.control.key == key:
            return row
    raise Http404(f"no control {key!r}")
