"""Review and apply, adoption, and the history."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import (
    require_http_methods,
    require_safe,
)

from mailguard.accounts.services import actor_of
from mailguard.changes import services
from mailguard.changes.forms import AdoptForm, ApplyForm
from mailguard.changes.models import Revision
from mailguard.errors import NotNow
from mailguard.servers import services as servers
from postfixconf.errors import PostfixconfError

__all__ = ["adopt", "discard", "history", "review", "revision"]


@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest) -> HttpResponse:
    """What exactly will change, and Apply."""
    server = servers.local()
    form = ApplyForm(request.POST or None, initial={"reload": server.prefer_reload})
    if request.method == "POST" and form.is_valid():
        try:
            queued = services.request_apply(
                server=server, actor=actor_of(request), **form.cleaned_data
            )
            return redirect("changes:revision", queued.number)
        except (NotNow, PostfixconfError) as cause:
            messages.error(request, str(cause))
            form = ApplyForm(initial=form.cleaned_data)
    return render(request, "changes/review.html", review_context(form, AdoptForm()))


def review_context(form: ApplyForm, adopt_form: AdoptForm) -> dict[str, object]:
    """The plan as the page shows it; `trouble` where there is none."""
    server = servers.local()
    context: dict[str, object] = {
        "form": form,
        "changes": services.draft(server).changes,
        "more": services.draft(server).more,
        "drift": services.drift_of(server),
        "adopt_form": adopt_form,
        "unfinished": services.unfinished(server),
        "worker_alive": servers.worker_alive(server),
    }
    try:
        plan = services.plan_of(server)
    except (NotNow, PostfixconfError) as cause:
        return context | {"trouble": str(cause)}
    form.show_plan(plan.digest)
    return context | {"plan": plan, "diffs": plan.diffs()}


@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: HttpRequest) -> HttpResponse:
    """Drop every waiting change."""
    if request.method != "POST":  # back from signing in again
        return redirect("changes:review")
    try:
        dropped = services.discard(server=servers.local(), actor=actor_of(request))
    except NotNow as cause:
        messages.error(request, str(cause))
        return redirect("changes:review")
    messages.info(request, f"Waiting changes discarded: {dropped}.")
    return redirect("protection:index")


@require_http_methods(["GET", "HEAD", "POST"])
def adopt(request: HttpRequest) -> HttpResponse:
    """Take over what somebody edited by hand."""
    if request.method != "POST":  # back from signing in again
        return redirect("changes:review")
    form = AdoptForm(request.POST)
    if not form.is_valid():
        context = review_context(ApplyForm(), form)
        return render(request, "changes/review.html", context)
    try:
        queued = services.request_adoption(
            server=servers.local(),
            actor=actor_of(request),
            reason=form.cleaned_data["reason"],
        )
    except NotNow as cause:
        messages.error(request, str(cause))
        return redirect("changes:review")
    return redirect("changes:revision", queued.number)


@require_safe
def history(request: HttpRequest) -> HttpResponse:
    """Every revision, newest first."""
    page = Paginator(Revision.objects.all(), 25).get_page(request.GET.get("page"))
    return render(request, "changes/history.html", {"page": page})


@require_safe
def revision(request: HttpRequest, number: int) -> HttpResponse:
    """One revision: its steps while it runs, its outcome and its diff."""
    row = get_object_or_404(Revision, number=number)
    context = {
        "revision": row,
        "changes": services.differences(row),
        "diffs": services.diffs_of(row),
        "newer": Revision.objects.filter(number=number + 1).first(),
        "older": Revision.objects.filter(number=number - 1).first(),
        "worker_alive": servers.worker_alive(row.server),
    }
    response = render(request, "changes/revision.html", context)
    if request.headers.get("HX-Target") == "outcome" and row.finished:
        response["HX-Refresh"] = "true"  # the bar and the menu have changed too
    return response
