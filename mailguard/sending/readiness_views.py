"""Readiness: can our people send through 587 and 465? What was found, and a trial."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import (
    sensitive_post_parameters,
    sensitive_variables,
)
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.errors import NotNow
from mailguard.sending import readiness
from mailguard.sending.readiness_forms import SignInForm
from mailguard.sending.readiness_models import Readiness
from mailguard.servers import services as servers
from postfixconf.host.readiness import STEPS, Level

__all__ = ["again", "index", "let_in", "sign_in"]

BOTH = ["GET", "HEAD", "POST"]  # GET: back from signing in again
ORDER = (Level.HINDRANCE, Level.WARNING, Level.OK)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Can our people send through 587 and 465?"""
    return page(request)


def page(request: HttpRequest, **trial: Any) -> HttpResponse:
    """The page; `trial` is the form that was sent, and what came of it."""
    server = servers.local()
    row = Readiness.objects.filter(server=server).first()
    hindrances, numbers = readiness.ready(server), readiness.numbers(server)
    found = sorted(readiness.checks(server), key=lambda x: ORDER.index(x.level))
    context = {
        "row": row,
        "seen": row is not None and row.at is not None,
        "waiting": row is None or row.at is None or row.asked_at is not None,
        "checks": found,
        "steps": [(numbers[step], len(hindrances[step])) for step in STEPS],
        "openings": readiness.openings(server),
        "worker_alive": servers.worker_alive(server),
        "form": SignInForm(),
        **trial,
    }
    return render(request, "sending/readiness.html", context)


@require_http_methods(BOTH)
def again(request: HttpRequest) -> HttpResponse:
    """Have everything checked again."""
    if request.method == "POST":
        readiness.ask(server=servers.local())
    return redirect("sending:readiness")


@require_http_methods(BOTH)
def let_in(request: HttpRequest) -> HttpResponse:
    """Have a port opened where firewalld or ufw runs."""
    if request.method == "POST":
        step = request.POST.get("step", "")
        try:
            readiness.open_port(
                server=servers.local(), step=step, actor=actor_of(request)
            )
        except NotNow as cause:
            messages.error(request, str(cause))
    return redirect("sending:readiness")


@sensitive_variables("form")
@sensitive_post_parameters("secret")
@never_cache
@require_http_methods(BOTH)
def sign_in(request: HttpRequest) -> HttpResponse:
    """Try to sign in, here and now; the answer is on this page alone."""
    if request.method != "POST":
        return redirect("sending:readiness")
    form = SignInForm(request.POST)
    if not form.is_valid():
        return page(request, form=form)
    answer = readiness.sign_in(
        server=servers.local(),
        user=form.cleaned_data["name"],
        password=form.cleaned_data["secret"],
    )
    again = SignInForm(initial={"name": form.cleaned_data["name"]})
    return page(request, answer=answer, form=again)
