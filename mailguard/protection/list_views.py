"""The verbs of the page Blocklists: lists of one's own, and keys. Each is a draft."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from mailguard.accounts.services import actor_of
from mailguard.protection import own_lists
from mailguard.protection.blocklist_views import page
from mailguard.protection.list_forms import KeyForm, ListForm
from postfixconf.errors import BadValue

__all__ = ["add_list", "forget_key", "remove_list", "set_key"]

BOTH = ["GET", "HEAD", "POST"]  # GET: back from signing in again
NOTHING = "Nothing was changed."


@sensitive_post_parameters("key")
@require_http_methods(BOTH)
def add_list(request: HttpRequest) -> HttpResponse:
    """Have one more list."""
    if request.method != "POST":
        return redirect("protection:blocklists")
    form = ListForm(request.POST)
    if not form.is_valid():
        return page(request, list_form=form)
    try:
        own_lists.add(
            zone=form.cleaned_data["zone"],
            asked=form.asked,
            codes=form.cleaned_data["codes"],
            name=form.cleaned_data["name"],
            key=form.cleaned_data["key"],
            actor=actor_of(request),
        )
    except BadValue as cause:
        form.add_error("zone", f"{cause}.")
        return page(request, list_form=form)
    messages.info(
        request, f"{form.cleaned_data['zone']} is on the page now. It is still off."
    )
    return back_to("own")


@require_http_methods(BOTH)
def remove_list(request: HttpRequest) -> HttpResponse:
    """Have one list less."""
    if request.method == "POST":
        zone = request.POST.get("zone", "")
        try:
            own_lists.remove(zone=zone, actor=actor_of(request))
        except BadValue as cause:
            messages.error(request, f"{cause}. {NOTHING}")
    return back_to("own")


@sensitive_post_parameters("key")
@require_http_methods(BOTH)
def set_key(request: HttpRequest) -> HttpResponse:
    """Want this key from now on."""
    if request.method != "POST":
        return back_to("keys")
    name = request.POST.get("name", "")
    form = KeyForm(name, request.POST)
    if not form.is_valid():
        return page(request, key_form=form)
    try:
        own_lists.set_key(
            name=name, key=form.cleaned_data["key"], actor=actor_of(request)
        )
    except BadValue as cause:
        messages.error(request, f"{cause}. {NOTHING}")
    else:
        said = "The key is kept. Lists that are on ask with it once it is applied."
        messages.info(request, said)
    return back_to("keys")


@require_http_methods(BOTH)
def forget_key(request: HttpRequest) -> HttpResponse:
    """Want no key any more."""
    if request.method == "POST":
        name = request.POST.get("name", "")
        try:
            own_lists.forget_key(name=name, actor=actor_of(request))
        except BadValue as cause:
            messages.error(request, f"{cause}. {NOTHING}")
    return back_to("keys")


def back_to(section: str) -> HttpResponse:
    """The page, at one of its sections."""
    return redirect(f"{reverse('protection:blocklists')}#{section}")
