"""Trusted networks: whose mail is sent on without asking. Every click is a draft."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.lists.reading import read_note
from mailguard.sending import networks, trusting
from mailguard.sending.judging import Judge
from mailguard.sending.network_forms import NetworkForm
from mailguard.servers import services as servers
from postfixconf.errors import BadValue

__all__ = ["add_network", "index", "note_network", "remove_network"]

BOTH = ["GET", "HEAD", "POST"]  # GET: back from signing in again


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Whose mail do we send on without asking?"""
    return page(request, NetworkForm(servers.local()))


def page(request: HttpRequest, form: NetworkForm) -> HttpResponse:
    """The page, with the form as somebody left it."""
    server, judge = servers.local(), form.judge
    context = {
        "rows": networks.listed(server, judge),
        "foreign": networks.foreign(judge),
        "style": networks.style(server),
        "elsewhere": networks.elsewhere(server),
        "suggestions": networks.suggested(server, judge),
        "counted": judge.counted,
        "form": form,
    }
    return render(request, "sending/networks.html", context)


@require_http_methods(BOTH)
def add_network(request: HttpRequest) -> HttpResponse:
    """Trust one more network, or ask back first."""
    if request.method != "POST":
        return redirect("sending:networks")
    server = servers.local()
    form = NetworkForm(server, request.POST)
    if not form.is_valid() or form.doubts:
        return page(request, form)
    network = form.cleaned_data["network"]
    try:
        trusting.add(
            server=server,
            text=network,
            note=form.cleaned_data["note"],
            actor=actor_of(request),
            confirmed=True,
        )
        messages.info(request, f"Added to the draft: {network} is trusted.")
    except BadValue as cause:
        messages.error(request, f"{cause}. Nothing was changed.")
    return redirect("sending:networks")


@require_http_methods(BOTH)
def remove_network(request: HttpRequest) -> HttpResponse:
    """Trust one network no more; asked back where clients would be cut off."""
    if request.method != "POST":
        return redirect("sending:networks")
    server, text = servers.local(), request.POST.get("value", "")
    try:
        network = trusting.find(server, text)
        confirmed = request.POST.get("sure") == network
        lost = Judge.of(server).losses(network)
        if lost and not confirmed:
            context = {"network": network, "losses": lost}
            return render(request, "sending/remove_network.html", context)
        trusting.remove(
            server=server, text=network, actor=actor_of(request), confirmed=confirmed
        )
        messages.info(request, f"Removed in the draft: {network}.")
    except BadValue as cause:
        messages.error(request, f"{cause}. Nothing was changed.")
    return redirect("sending:networks")


@require_http_methods(BOTH)
def note_network(request: HttpRequest) -> HttpResponse:
    """Say why a network is trusted."""
    if request.method == "POST":
        try:
            note = read_note(request.POST.get("note", ""))
            made = trusting.annotate(
                server=servers.local(),
                text=request.POST.get("value", ""),
                note=note,
                actor=actor_of(request),
            )
            if made is not None:
                messages.info(request, "Saved. Nothing has to be applied for this.")
        except BadValue as cause:
            messages.error(request, f"{cause}. Nothing was changed.")
    return redirect("sending:networks")
