"""Own domains: who may send as us. Every click is a draft, as on Protection."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.protection import naming, services
from mailguard.protection.differences import DOMAIN, EXCEPTION, REPLY, Difference
from mailguard.protection.domain_forms import DomainForm, ExceptionForm, ReplyForm
from mailguard.protection.domains import own_domains, possible_domains, who_sends_as_us
from mailguard.protection.forms import ControlForm
from mailguard.servers import services as servers
from mailguard.traffic.beside import beside
from mailguard.traffic.intake import log_of
from postfixconf.errors import BadValue
from postfixconf.policy.control import Mode
from postfixconf.policy.policy import OWN

__all__ = [
    "add_domain",
    "add_exception",
    "domains",
    "may_send",
    "remove_domain",
    "remove_exception",
    "set_reply",
]

MOST = 50  # exceptions of one click
SEEN = "seen sending as us"
BOTH = ["GET", "HEAD", "POST"]  # GET: back from signing in again


@require_safe
def domains(request: HttpRequest) -> HttpResponse:
    """Who sends as us?"""
    return page(request)


def page(request: HttpRequest, **forms: Any) -> HttpResponse:
    """The page, with the form that somebody got wrong in place of the empty one."""
    server, own = servers.local(), own_domains()
    row = next(each for each in services.rows(server) if each.control.key == OWN)
    context = {
        "own": own,
        "row": row,
        "form": ControlForm(row.control, row.mode),
        "evidence": beside(server, {OWN: row.live})[OWN],
        "candidates": possible_domains(server),
        "as_us": who_sends_as_us(server),
        "domains_only": log_of(server).domains_only,
        "domain_form": DomainForm(),
        "exception_form": ExceptionForm(),
        "reply_form": ReplyForm(initial={"reply": own.reply}),
        **forms,
    }
    return render(request, "protection/domains.html", context)


@require_http_methods(BOTH)
def add_domain(request: HttpRequest) -> HttpResponse:
    """Name one more own domain."""
    form = DomainForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and not form.is_valid():
        return page(request, domain_form=form)
    if request.method == "POST":
        naming.add_domain(text=form.cleaned_data["domain"], actor=actor_of(request))
    return redirect("protection:domains")


@require_http_methods(BOTH)
def remove_domain(request: HttpRequest) -> HttpResponse:
    """Watch one domain no more."""
    take_out(request, DOMAIN, "own")
    row = services.wanted().modes.get(OWN, Mode.OFF)
    if row is not Mode.OFF and not own_domains().domains:
        messages.warning(
            request, "No domain is left: the stop is switched on and does nothing."
        )
    return redirect("protection:domains")


@require_http_methods(BOTH)
def add_exception(request: HttpRequest) -> HttpResponse:
    """Let one more client send as us."""
    form = ExceptionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and not form.is_valid():
        return page(request, exception_form=form)
    if request.method == "POST":
        naming.add_exception(text=form.cleaned_data["network"], actor=actor_of(request))
    return redirect("protection:domains")


@require_http_methods(BOTH)
def may_send(request: HttpRequest) -> HttpResponse:
    """Let those send as us who were seen doing so."""
    who, networks = request.POST.get("who", ""), request.POST.getlist("network")
    if request.method == "POST":
        try:
            made = naming.add_exceptions(
                texts=networks[:MOST], actor=actor_of(request), reason=SEEN
            )
            told = ", ".join(each.what.partition(" ")[2] for each in made)
            messages.info(request, f"May send as us, once applied: {told or who}.")
        except BadValue as cause:
            messages.error(request, f"{cause}. Nothing was changed.")
    return redirect("protection:domains")


@require_http_methods(BOTH)
def remove_exception(request: HttpRequest) -> HttpResponse:
    """Let one client less send as us."""
    take_out(request, EXCEPTION, "excepted")
    return redirect("protection:domains")


@require_http_methods(BOTH)
def set_reply(request: HttpRequest) -> HttpResponse:
    """Change what a refused outsider reads."""
    form = ReplyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and not form.is_valid():
        return page(request, reply_form=form)
    if request.method == "POST":
        text = form.cleaned_data["reply"]
        change = Difference(REPLY, own_domains().reply, text)
        services.put(change=change, actor=actor_of(request), reason="")
    return redirect("protection:domains")


def take_out(request: HttpRequest, kind: str, word: str) -> None:
    """Have one value no more; nothing happens for one that is not there."""
    if request.method != "POST":
        return
    change = Difference(f"{kind} {request.POST.get('value', '')}", word, "")
    try:
        services.put(change=change, actor=actor_of(request), reason="")
    except BadValue as cause:
        messages.error(request, f"{cause}. Nothing was changed.")
