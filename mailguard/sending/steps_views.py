"""The checklist: how far is it, and what comes next?"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.errors import NotNow
from mailguard.sending.steps import steps, tick
from mailguard.servers import services as servers

__all__ = ["index", "mark"]


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every step, in order."""
    found = steps(servers.local())
    context = {"steps": found, "done": sum(each.done for each in found)}
    return render(request, "sending/steps.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def mark(request: HttpRequest) -> HttpResponse:
    """Tick a step that only people can see, or take the tick away."""
    step = request.POST.get("step", "")
    if request.method == "POST":
        done = request.POST.get("done") == "yes"
        try:
            tick(
                server=servers.local(),
                step=step,
                done=done,
                actor=actor_of(request),
            )
        except NotNow as cause:
            messages.error(request, str(cause))
            return redirect("sending:steps")
    return redirect(f"{reverse('sending:steps')}#{step}")
