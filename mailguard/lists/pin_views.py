"""Pins: which there are and what they try, add one, remove one."""

from typing import NamedTuple

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.lists import pins
from mailguard.lists.models import Pin
from mailguard.lists.pin_forms import DomainForm, EnvelopeForm, RemoveForm
from mailguard.marks import visible
from mailguard.traffic.envelopes import known, lacking, sender_domain
from mailguard.traffic.models import Attempt
from postfixconf.errors import BadValue

__all__ = ["add", "add_domain", "index", "remove"]

ON_A_PAGE = 25
LONGEST_SHOWN = 200  # characters of a message
LONGEST_NUMBER = 18  # digits


class Shown(NamedTuple):
    """A pin, and how many envelopes are tried for it."""

    pin: Pin
    tried: int


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """What must always get through, and what never?"""
    page = Paginator(pins.all(), ON_A_PAGE).get_page(request.GET.get("page"))
    tried = pins.tried(page.object_list, pins.RECORDED)
    context = {
        "page": page,
        "shown": [Shown(pin, len(found)) for pin, found in tried],
        "most": pins.RECORDED,
        "domain_form": DomainForm(),
    }
    return render(request, "lists/pins.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Pin one envelope; an attempt may fill in the form (?attempt=N)."""
    attempt = attempt_of(request)
    form = EnvelopeForm(request.POST or None, envelope_of(attempt))
    if request.method == "POST" and form.is_valid():
        try:
            row = pins.add_envelope(
                probe=form.wanted,
                note=form.cleaned_data["note"],
                actor=actor_of(request),
            )
            return added(request, row)
        except BadValue as cause:
            form.add_error(None, f"{cause}.")
    return both(request, attempt, form, DomainForm(initial=domain_of(attempt)))


@require_http_methods(["GET", "HEAD", "POST"])
def add_domain(request: HttpRequest) -> HttpResponse:
    """Pin everything from a sender's domain."""
    attempt = attempt_of(request)
    form = DomainForm(request.POST or None, domain_of(attempt))
    if request.method == "POST" and form.is_valid():
        try:
            row = pins.add_domain(**form.cleaned_data, actor=actor_of(request))
            return added(request, row)
        except BadValue as cause:
            form.add_error("domain", f"{cause}.")
    return both(request, attempt, EnvelopeForm(initial=envelope_of(attempt)), form)


def added(request: HttpRequest, row: Pin) -> HttpResponse:
    """Back at the pins, with what was done."""
    told = pins.shortened(visible(row.what), LONGEST_SHOWN)
    messages.info(request, f"Pinned: {told} {row.get_expect_display()}.")
    return redirect("lists:pins")


def both(
    request: HttpRequest,
    attempt: Attempt | None,
    form: EnvelopeForm,
    domain_form: DomainForm,
) -> HttpResponse:
    """The page with the two forms, and what the log does not tell."""
    context = {
        "form": form,
        "domain_form": domain_form,
        "attempt": attempt,
        "gone": "attempt" in request.GET and attempt is None,
        "lacking": lacking(attempt) if attempt else [],
        "domain": sender_domain(attempt) if attempt else "",
    }
    return render(request, "lists/add_pin.html", context)


def attempt_of(request: HttpRequest) -> Attempt | None:
    """The attempt that the address names, None where there is none (any more)."""
    text = request.GET.get("attempt", "")
    good = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    return Attempt.objects.filter(pk=int(text)).first() if good else None


def envelope_of(attempt: Attempt | None) -> dict[str, str]:
    """What an attempt fills into the form of an envelope."""
    return known(attempt) if attempt else {}


def domain_of(attempt: Attempt | None) -> dict[str, str]:
    """What an attempt fills into the form of a domain."""
    return {"domain": sender_domain(attempt)} if attempt else {}


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """One pin less, once it is said why."""
    row = get_object_or_404(Pin, pk=pk)
    form = RemoveForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        pins.remove(row=row, actor=actor_of(request), reason=form.cleaned_data["note"])
        told = pins.shortened(visible(row.what), LONGEST_SHOWN)
        messages.info(request, f"No longer pinned: {told}.")
        return redirect("lists:pins")
    return render(request, "lists/remove_pin.html", {"pin": row, "form": form})
