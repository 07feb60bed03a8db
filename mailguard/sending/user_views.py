"""Who sends, and through which port; and the end of signing in on port 25."""

from itertools import groupby
from operator import attrgetter

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.protection import services as protection
from mailguard.sending.user_forms import AuthOffForm
from mailguard.sending.users import (
    SORTS,
    WHAT,
    Looked,
    choices,
    still_on_25,
    title,
    untold,
)
from mailguard.servers import services as servers
from mailguard.traffic.intake import log_of
from mailguard.traffic.people import AUTH_ON_25
from mailguard.traffic.used import seen_of
from postfixconf.errors import BadPolicy
from postfixconf.policy.control import Mode

__all__ = ["auth_off", "users"]


@require_safe
def users(request: HttpRequest) -> HttpResponse:
    """Who sends, and through which port?"""
    server, looked = servers.local(), Looked.of(request.GET.dict())
    page, seen = looked.page(server, request.GET.get("page")), seen_of(server)
    context = {
        "looked": looked,
        "page": page,
        "ports": [
            (title(port, seen), [*members])
            for port, members in groupby(page.object_list, key=attrgetter("port"))
        ],
        "choices": choices(server),
        "what": WHAT.items(),
        "sorts": SORTS.items(),
        "still": still_on_25(server),
        "untold": untold(seen),
        "log": log_of(server),
        "switchable": any(
            row.control.key == AUTH_ON_25 and row.mode is not Mode.OFF
            for row in protection.rows(server)
        ),
    }
    return render(request, "sending/users.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def auth_off(request: HttpRequest) -> HttpResponse:
    """Who will be unable to send, and the switch once that is confirmed."""
    server = servers.local()
    row = row_or_404()
    still = still_on_25(server)
    form = AuthOffForm(still, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            protection.set_mode(
                server=server,
                key=AUTH_ON_25,
                mode=Mode.OFF,
                actor=actor_of(request),
                confirmed=True,
            )
            messages.info(
                request,
                "In the draft: nobody can sign in on port "
                f"{still.port} any more. Review and apply, and it is so.",
            )
        except BadPolicy as cause:
            messages.error(request, f"{cause}. Nothing was changed.")
        return redirect("sending:index")
    context = {"row": row, "form": form, "still": still}
    return render(request, "sending/auth_off.html", context)


def row_or_404() -> protection.Row:
    """The control of AUTH on port 25."""
    for row in protection.rows(servers.local()):
        if row.control.key == AUTH_ON_25:
            return row
    raise Http404("no control of AUTH on port 25")
