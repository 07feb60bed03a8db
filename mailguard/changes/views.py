"""Review and apply the draft or one change of it, discard, adoption, and panic."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from mailguard.accounts.services import actor_of
from mailguard.changes import draft as drafts
from mailguard.changes import history, services
from mailguard.changes.draft import Draft
from mailguard.changes.forms import AdoptForm, ApplyForm, ReasonForm
from mailguard.changes.panic import denies, refusing, request_panic
from mailguard.changes.templatetags.changes import come_and_go
from mailguard.errors import NotNow
from mailguard.lists import pins
from mailguard.protection import services as protection
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.errors import PostfixconfError
from postfixconf.policy.control import Mode

__all__ = ["adopt", "discard", "only", "panic", "review"]


@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest) -> HttpResponse:
    """What exactly will change, and Apply."""
    server = servers.local()
    form = apply_form(server, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            queued = services.request_apply(
                server=server, actor=actor_of(request), **form.cleaned_data
            )
            return redirect("changes:revision", queued.number)
        except (NotNow, PostfixconfError) as cause:
            messages.error(request, str(cause))
            form = apply_form(server, **form.cleaned_data)
    return render(request, "changes/review.html", review_context(form, AdoptForm()))


def apply_form(
    server: Server, data: QueryDict | None = None, **initial: object
) -> ApplyForm:
    """Why, and how; about pins only where there are some."""
    known = {"reload": server.prefer_reload} | initial
    return ApplyForm(data, known, pinned=pins.all().exists())


def review_context(form: ApplyForm, adopt_form: AdoptForm) -> dict[str, object]:
    """The plan as the page shows it; `trouble` where there is none."""
    server = servers.local()
    wish = services.draft(server)
    return plan_context(server, form, wish) | {
        "drift": services.drift_of(server),
        "adopt_form": adopt_form,
        "worker_alive": servers.worker_alive(server),
    }


def plan_context(server: Server, form: ApplyForm, wish: Draft) -> dict[str, object]:
    """What applying `wish` would write, in words and as diffs."""
    context: dict[str, object] = {
        "form": form,
        "changes": wish.changes,
        "more": wish.more,
        "unfinished": services.unfinished(server),
    }
    try:
        plan = services.plan_of(server, wish)
    except (NotNow, PostfixconfError) as cause:
        return context | {"trouble": str(cause)}
    form.show_plan(plan.digest)
    tables = [
        (each.path, come_and_go(wish.tally.get(each.path))) for each in plan.tables
    ]
    return context | {
        "plan": plan,
        "diffs": plan.diffs(),
        "tables": tables,
        "refused": history.refused(server, plan),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def only(request: HttpRequest) -> HttpResponse:
    """One waiting change alone: what it writes, and Apply; the rest keeps waiting."""
    server, what = servers.local(), request.GET.get("what", "")
    form = apply_form(server, request.POST or None)
    try:
        wish = drafts.only(server, what)
        if request.method == "POST" and form.is_valid():
            queued = services.request_apply(
                server=server, actor=actor_of(request), wish=wish, **form.cleaned_data
            )
            return redirect("changes:revision", queued.number)
    except (NotNow, PostfixconfError) as cause:
        messages.error(request, str(cause))
        return redirect("changes:review")
    context = plan_context(server, form, wish)
    rest = services.draft(server).size - wish.size
    return render(request, "changes/only.html", context | {"rest": rest})


@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: HttpRequest) -> HttpResponse:
    """Drop every waiting change, once it is confirmed."""
    server = servers.local()
    if request.method == "POST":
        try:
            dropped = services.discard(server=server, actor=actor_of(request))
        except NotNow as cause:
            messages.error(request, str(cause))
            return redirect("changes:review")
        messages.info(request, f"Waiting changes discarded: {dropped}.")
        return redirect("protection:index")
    wish = services.draft(server)
    context = {"changes": wish.changes, "more": wish.more, "size": wish.size}
    return render(request, "changes/discard.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def adopt(request: HttpRequest) -> HttpResponse:
    """Take over what somebody edited by hand."""
    if request.method != "POST":  # back from signing in again
        return redirect("changes:review")
    form = AdoptForm(request.POST)
    if not form.is_valid():
        context = review_context(apply_form(servers.local()), form)
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


@require_http_methods(["GET", "HEAD", "POST"])
def panic(request: HttpRequest) -> HttpResponse:
    """Every rule to test, once it is confirmed: what that stops, and what stays on."""
    server = servers.local()
    form = ReasonForm(
        request.POST or None, initial={"reason": "Panic: all rules to test"}
    )
    if request.method == "POST" and form.is_valid():
        try:
            queued = request_panic(
                server=server,
                actor=actor_of(request),
                reason=form.cleaned_data["reason"],
            )
            return redirect("changes:revision", queued.number)
        except (NotNow, PostfixconfError) as cause:
            messages.error(request, str(cause))
    return render(request, "changes/panic.html", panic_context(server, form))


def panic_context(server: Server, form: ReasonForm) -> dict[str, object]:
    """The rules that would only log, and what would still refuse mail."""
    changes = refusing(server)
    going = {each.what for each in changes}
    rows = [row for row in protection.rows(server) if not row.control.sends]
    on = [row.control for row in rows if row.live is Mode.ON]
    return {
        "form": form,
        "changes": changes,
        "staying": [control for control in on if control.key not in going],
        "denies": denies(server),
        "size": services.draft(server).size,
        "drift": services.drift_of(server),
        "unfinished": services.unfinished(server),
    }
