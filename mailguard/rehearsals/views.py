"""What would happen? The draft against recorded mail, and one envelope by hand."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.changes import services as changes
from mailguard.errors import NotNow
from mailguard.rehearsals import services
from mailguard.rehearsals.forms import DRAFT, TrialForm
from mailguard.rehearsals.groups import groups
from mailguard.rehearsals.models import Rehearsal, Trial
from mailguard.servers import services as servers
from mailguard.traffic.words import rule
from postfixconf.errors import PostfixconfError

__all__ = ["ask", "cancel", "effect", "index", "trial"]

BOTH = ["GET", "HEAD", "POST"]  # GET: back from signing in again


@require_http_methods(BOTH)
def index(request: HttpRequest) -> HttpResponse:
    """The draft against recorded mail, and a form for one envelope."""
    form = TrialForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        row = services.try_one(
            server=servers.local(),
            actor=actor_of(request),
            probe=form.probe,
            on_draft=form.cleaned_data["on"] == DRAFT,
            look_up=not form.cleaned_data["client_name"],
        )
        return redirect("rehearsals:trial", row.pk)
    context = {"form": form, "recent": Trial.objects.all()[:10]}
    return render(request, "rehearsals/index.html", effect_context() | context)


@require_safe
def effect(request: HttpRequest) -> HttpResponse:
    """The same alone, for the page that shows it while it runs."""
    return render(request, "rehearsals/effect.html", effect_context())


def effect_context() -> dict[str, object]:
    """The newest rehearsal of the draft as it is now; `trouble` where there is none."""
    server = servers.local()
    context: dict[str, object] = {"worker_alive": servers.worker_alive(server)}
    try:
        plan = changes.plan_of(server)
    except (NotNow, PostfixconfError) as cause:
        return context | {"trouble": str(cause)}
    job = services.latest(server, plan.digest)
    found = groups(job) if job else []
    waits = changes.pending(server)
    return context | {"job": job, "groups": found, "waits": waits}


@require_http_methods(BOTH)
def ask(request: HttpRequest) -> HttpResponse:
    """Have the draft rehearsed."""
    if request.method == "POST":
        try:
            services.ask(server=servers.local(), actor=actor_of(request))
        except (NotNow, PostfixconfError) as cause:
            messages.error(request, f"Nothing was rehearsed. {cause}")
    back = request.POST.get("back", "")
    return redirect("changes:review" if back == "review" else "rehearsals:index")


@require_http_methods(BOTH)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a rehearsal; what was found so far stays."""
    row = get_object_or_404(Rehearsal, pk=pk)
    if request.method == "POST":
        services.cancel(row)
    return redirect("rehearsals:index")


@require_safe
def trial(request: HttpRequest, pk: int) -> HttpResponse:
    """What Postfix said to one envelope, rule by rule."""
    row = get_object_or_404(Trial, pk=pk)
    control = row.answer.get("control", "")
    context = {
        "row": row,
        "rule": rule(control) if control else None,
        "warned": [rule(each) for each in row.answer.get("warned", [])],
        "worker_alive": servers.worker_alive(row.server),
    }
    return render(request, "rehearsals/trial.html", context)
