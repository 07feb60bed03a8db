"""What would happen? The draft against recorded mail, and one envelope by hand."""

from typing import Any, TypeVar

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.changes import services as changes
from mailguard.errors import NotNow
from mailguard.lists.models import Entry
from mailguard.rehearsals import services
from mailguard.rehearsals.forms import DRAFT, LIVE, TEXTS, TrialForm
from mailguard.rehearsals.groups import groups
from mailguard.rehearsals.models import Rehearsal, Trial
from mailguard.rehearsals.still import envelope_of, later, stops
from mailguard.servers import services as servers
from mailguard.traffic.envelopes import known
from mailguard.traffic.models import Attempt
from mailguard.traffic.words import rule
from postfixconf.errors import PostfixconfError

__all__ = ["ask", "cancel", "effect", "index", "still", "trial"]

Row = TypeVar("Row", bound=Model)
LONGEST_NUMBER = 18  # digits
BOTH = ["GET", "HEAD", "POST"]  # GET: back from signing in again


@require_http_methods(BOTH)
def index(request: HttpRequest) -> HttpResponse:
    """The draft against recorded mail, and a form for one envelope.

    The address may fill in the form, from a recorded message or from one tried before
    (?attempt=, ?trial=).
    """
    form = TrialForm(request.POST or None, initial=known_of(request))
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


@require_http_methods(BOTH)
def still(request: HttpRequest) -> HttpResponse:
    """What would still stop this sender? Every rule is asked.

    The address may fill in the form: from an entry (?entry=), a recorded message
    (?attempt=) or what somebody typed (?text=).
    """
    server = servers.local()
    form = TrialForm(request.POST or None, initial=known_of(request) or told(request))
    if request.method == "POST" and form.is_valid():
        row = services.try_one(
            server=server,
            actor=actor_of(request),
            probe=form.probe,
            on_draft=form.cleaned_data["on"] == DRAFT,
            look_up=not form.cleaned_data["client_name"],
            every=True,
        )
        return redirect("rehearsals:trial", row.pk)
    return render(request, "rehearsals/still.html", {"form": form})


def told(request: HttpRequest) -> dict[str, Any]:
    """What is known of whom an entry or a word means."""
    row = named(Entry, request.GET.get("entry", ""))
    return envelope_of(row.entry if row else request.GET.get("text", ""))


def known_of(request: HttpRequest) -> dict[str, Any]:
    """What is known of the message that the address names, by field."""
    if attempt := named(Attempt, request.GET.get("attempt", "")):
        return known(attempt)
    trial = named(Trial, request.GET.get("trial", ""))
    return dict(trial.probe, on=DRAFT if trial.on_draft else LIVE) if trial else {}


def named(model: type[Row], text: str) -> Row | None:
    """The row with this number; None where there is none (any more)."""
    good = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    return model._default_manager.filter(pk=int(text)).first() if good else None


@require_safe
def effect(request: HttpRequest) -> HttpResponse:
    """The same alone, for the page that shows it while it runs."""
    context = effect_context() | {"page": request.GET.get("page", "")}
    return render(request, "rehearsals/effect.html", context)


def effect_context() -> dict[str, object]:
    """The newest rehearsal of the draft as it is now; `trouble` where there is none.

    Whom it hits is told when it has ended: rows that come and go cannot be clicked.
    """
    server = servers.local()
    context: dict[str, object] = {"worker_alive": servers.worker_alive(server)}
    try:
        plan = changes.plan_of(server)
        waits = changes.pending(server)
    except (NotNow, PostfixconfError) as cause:
        return context | {"trouble": str(cause)}
    job = services.latest(server, plan.digest)
    return context | {
        "job": job,
        "groups": groups(job) if job and not job.open else [],
        "waits": waits,
        "edited": bool(changes.drift_of(server)),
    }


@require_http_methods(BOTH)
def ask(request: HttpRequest) -> HttpResponse:
    """Have the draft rehearsed."""
    if request.method == "POST":
        try:
            services.ask(server=servers.local(), actor=actor_of(request))
        except (NotNow, PostfixconfError) as cause:
            messages.error(request, f"Nothing was rehearsed. {cause}")
    return redirect(page_of(request))


@require_http_methods(BOTH)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a rehearsal; what was found so far stays."""
    row = get_object_or_404(Rehearsal, pk=pk)
    if request.method == "POST":
        services.cancel(row)
    return redirect(page_of(request))


def page_of(request: HttpRequest) -> str:
    """The page that shows the result, where a button was pressed."""
    back = request.POST.get("back", "")
    where = reverse("changes:review" if back == "review" else "rehearsals:index")
    return f"{where}#effect-on-mail"


@require_safe
def trial(request: HttpRequest, pk: int) -> HttpResponse:
    """What Postfix said to one envelope, rule by rule."""
    row = get_object_or_404(Trial, pk=pk)
    control = row.answer.get("control", "")
    context = {
        "row": row,
        "rule": rule(control) if control else None,
        "warned": [rule(each) for each in row.answer.get("warned", [])],
        "fields": again(row),
        "stops": stops(row),
        "later": list(later(row)),
        "worker_alive": servers.worker_alive(row.server),
    }
    return render(request, "rehearsals/trial.html", context)


def again(row: Trial) -> dict[str, str]:
    """The same message for the form, on the other one of draft and live."""
    told = {name: row.probe.get(name, "") for name in TEXTS}
    if row.todays_dns:
        told["client_name"] = ""
    return told | {"on": LIVE if row.on_draft else DRAFT}
