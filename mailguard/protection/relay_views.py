"""Relays in front: whose mail is not their own. Every click is a draft."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.protection import fronts, naming
from mailguard.protection.differences import IN_FRONT, RELAY
from mailguard.protection.domain_forms import RelayForm
from mailguard.protection.domain_views import BOTH, MOST, take_out
from mailguard.servers import services as servers
from postfixconf.errors import BadValue

__all__ = ["add_relay", "add_relays", "relays", "remove_relay"]


@require_safe
def relays(request: HttpRequest) -> HttpResponse:
    """Whose mail comes through somebody else first?"""
    return page(request)


def page(request: HttpRequest, **forms: Any) -> HttpResponse:
    """The page, with the form that somebody got wrong in place of the empty one."""
    server, named = servers.local(), fronts.relays()
    context = {
        "relays": named,
        "form": RelayForm(),
        "fronts": fronts.fronts(server, named),
        "exchanges": fronts.exchanges(server),
        "gateway": fronts.gateway(server, named),
        **forms,
    }
    return render(request, "protection/relays.html", context)


@require_http_methods(BOTH)
def add_relay(request: HttpRequest) -> HttpResponse:
    """Name one more relay in front."""
    form = RelayForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and not form.is_valid():
        return page(request, form=form)
    if request.method == "POST":
        text = form.cleaned_data["relay"]
        naming.add_relay(text=text, actor=actor_of(request))
        messages.info(request, f"Added to the draft: relay in front {text}.")
    return redirect("protection:relays")


@require_http_methods(BOTH)
def add_relays(request: HttpRequest) -> HttpResponse:
    """Name those that were seen in front."""
    if request.method == "POST":
        try:
            texts = request.POST.getlist("relay")[:MOST]
            made = naming.add_relays(texts=texts, actor=actor_of(request))
            told = ", ".join(each.what.partition(" ")[2] for each in made)
            messages.info(request, f"Added to the draft: relay in front {told}.")
        except BadValue as cause:
            messages.error(request, f"{cause}. Nothing was changed.")
    return redirect("protection:relays")


@require_http_methods(BOTH)
def remove_relay(request: HttpRequest) -> HttpResponse:
    """Judge one client like any other again."""
    take_out(request, RELAY, IN_FRONT)
    return redirect("protection:relays")
