"""Presets: what each would change here, and one click that takes it as a draft."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.changes import presets as taking
from mailguard.changes.presets import Line
from mailguard.errors import NotNow
from mailguard.protection import services as protection
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.traffic.beside import Beside, beside
from postfixconf.errors import PostfixconfError
from postfixconf.policy.control import Mode
from postfixconf.policy.presets import PRESETS, Preset, preset

__all__ = ["one", "presets"]


@dataclass(frozen=True)
class Shown:
    """A line with what the log says, and whether it is ticked."""

    line: Line
    evidence: Beside
    ticked: bool


@dataclass(frozen=True)
class Numbers:
    """What going on would mean: `hits` of `messages`, `usual` of them from senders who
    are usually accepted, and how many controls the log tells nothing of."""

    hits: int
    usual: int
    messages: int
    unknown: int


@require_safe
def presets(request: HttpRequest) -> HttpResponse:
    """The four of them, and how much each would change."""
    server = servers.local()
    counted, rows = [], protection.rows(server)
    for each in PRESETS:
        found = taking.lines(server, each, on=False, rows=rows)
        stays = [line for line in found if line.offer and not line.ticked]
        counted.append((each, sum(line.ticked for line in found), len(stays)))
    return render(request, "changes/presets.html", {"presets": counted})


@require_http_methods(["GET", "HEAD", "POST"])
def one(request: HttpRequest, name: str) -> HttpResponse:
    """What one would change, in test mode or `?as=on`; taken by a click."""
    chosen, server = preset(name), servers.local()
    if chosen is None:
        raise Http404(f"no preset {name!r}")
    on = request.GET.get("as") == "on"
    found = taking.lines(server, chosen, on=on)
    ticks: Collection[str] = taking.defaults(found, chosen)
    if request.method == "POST":
        ticks = request.POST.getlist("take")
        try:
            return taken(request, server, chosen, ticks, on=on)
        except (NotNow, PostfixconfError) as cause:
            messages.error(request, str(cause))
    return page(request, server, chosen, found, ticks, on=on)


def taken(
    request: HttpRequest,
    server: Server,
    chosen: Preset,
    ticks: Collection[str],
    *,
    on: bool,
) -> HttpResponse:
    """Take it, and go to the review. Raises NotNow, BadPolicy."""
    made = taking.take(
        server=server,
        preset=chosen,
        on=on,
        ticks=ticks,
        actor=actor_of(request),
        seen=request.POST.get("seen", ""),
    )
    if not made:
        messages.info(request, "Nothing was ticked that is not so already.")
        return redirect(request.get_full_path())
    messages.info(
        request, f"“{chosen.title}” waits in the draft. Nothing was applied yet."
    )
    for also in made:
        if also.reason.startswith("comes on with"):
            messages.info(request, f"Also switched on: {also.what} ({also.reason}).")
    return redirect("changes:review")


def page(
    request: HttpRequest,
    server: Server,
    chosen: Preset,
    found: Sequence[Line],
    ticks: Collection[str],
    *,
    on: bool,
) -> HttpResponse:
    """The diff, grouped by what happens to each line."""
    evidence = beside(server, {each.key: each.row.live for each in found})
    shown = [Shown(x, evidence[x.key], x.key in ticks) for x in found]
    context = {
        "preset": chosen,
        "on": on,
        "order_ticked": taking.ORDER in ticks,
        "seen": taking.digest_of(found),
        "groups": [
            ("What it changes", [x for x in shown if x.line.ticked]),
            (
                "Stays as it is, unless you tick it",
                [x for x in shown if x.line.offer and not x.line.ticked],
            ),
            (
                "Cannot be changed here",
                [x for x in shown if not x.line.offer and x.line.why],
            ),
        ],
        "same": [x.line for x in shown if not x.line.offer and not x.line.why],
        "numbers": numbers(shown) if on else None,
    }
    return render(request, "changes/preset.html", context)


def numbers(shown: Sequence[Shown]) -> Numbers:
    """What the log says of those that would go on."""
    going = [x for x in shown if x.line.offer is Mode.ON and x.line.ticked]
    known = [x.evidence for x in going if x.evidence.shown]
    return Numbers(
        hits=sum(each.hits for each in known),
        usual=sum(each.usual for each in known),
        messages=max((each.messages for each in known), default=0),
        unknown=len(going) - len(known),
    )
