"""In which order are the rules asked? Every move is a draft, as on Protection."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.accounts.services import actor_of
from mailguard.changes import order as orders
from mailguard.changes import services
from mailguard.errors import NotNow
from mailguard.protection import services as protection
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.errors import PostfixconfError
from postfixconf.policy.ordering import CHECKS, Listing
from postfixconf.policy.placement import Place, places
from postfixconf.text.layout import common
from postfixconf.text.rules import Rule

__all__ = ["arrange", "drop", "move", "order"]

BOTH = ["GET", "HEAD", "POST"]  # GET: back from signing in again


@dataclass(frozen=True)
class Row:
    """One rule where it will stand; `row` is its control, `moved` since it is live."""

    place: Place
    row: protection.Row | None
    new: bool
    moved: bool


@dataclass(frozen=True)
class Shown:
    """One list: its rules from top to bottom, and those that go.

    `default` says that main.cf has no such list, `shadow` is the service of port 25
    that has another in its place.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    gone: tuple[str, ...]
    digest: str
    firm: bool
    default: bool
    shadow: str

    @property
    def movable(self) -> bool:
        """Whether there is anything to move."""
        return any(each.place.key for each in self.rows)


@require_safe
def order(request: HttpRequest) -> HttpResponse:
    """Every list as it will stand after the next apply."""
    server = servers.local()
    try:
        found = orders.standing(server)
    except (NotNow, PostfixconfError) as cause:
        return render(request, "changes/order.html", {"trouble": str(cause)})
    shown = list(told(server, found))
    context = {
        "drift": services.drift_of(server),
        "lists": [each for each in shown if each.rows or each.gone],
        "empty": [each for each in shown if not each.rows and not each.gone],
    }
    return render(request, "changes/order.html", context)


@require_http_methods(BOTH)
def move(request: HttpRequest) -> HttpResponse:
    """One rule a step up or down."""
    name, key = request.POST.get("list", ""), request.POST.get("key", "")
    return done(
        request,
        key,
        lambda: orders.step(
            server=servers.local(),
            name=name,
            key=key,
            up=request.POST.get("step") == "up",
            actor=actor_of(request),
        ),
    )


@require_http_methods(BOTH)
def drop(request: HttpRequest) -> HttpResponse:
    """One rule to the place where it was dropped."""
    name, key = request.POST.get("list", ""), request.POST.get("key", "")
    to = request.POST.get("to", "")
    return done(
        request,
        key,
        lambda: orders.drop(
            server=servers.local(),
            name=name,
            key=key,
            to=int(to) if to.isdecimal() and len(to) < 6 else -1,
            seen=request.POST.get("seen", ""),
            actor=actor_of(request),
        ),
    )


@require_http_methods(BOTH)
def arrange(request: HttpRequest) -> HttpResponse:
    """Every list in an order of ours."""
    how = request.POST.get("how", "")
    if how not in set(orders.How):
        return redirect("changes:order")
    return done(request, "", lambda: arranged(request, orders.How(how)))


def arranged(request: HttpRequest, how: orders.How) -> None:
    """Put every list in this order, and say where that changes nothing."""
    made = orders.arrange(server=servers.local(), how=how, actor=actor_of(request))
    if not made:
        messages.info(request, "The rules stand in this order already.")


def done(request: HttpRequest, key: str, act: Callable[[], object]) -> HttpResponse:
    """Do it, or say why not; the page again, at the rule."""
    if request.method == "POST":
        try:
            act()
        except (NotNow, PostfixconfError) as cause:
            messages.error(request, str(cause))
            key = ""  # the sentence stands at the top
    return redirect(reverse("changes:order") + (f"#{key}" if key else ""))


def told(server: Server, found: orders.Standing) -> Iterator[Shown]:
    """Every list, in the order in which Postfix asks them."""
    rows = {row.control.key: row for row in protection.rows(server)}
    for name, then in found.then.items():
        live = found.live[name]
        there = {rule.enforced() for rule in then.rules}
        yield Shown(
            name=name,
            title=CHECKS[name][0].upper() + CHECKS[name][1:],
            rows=tuple(marked(then, live, rows)),
            gone=tuple(x.text for x in live.rules if x.enforced() not in there),
            digest=orders.digest_of(then),
            firm=then.firm,
            default=name not in found.names,
            shadow=found.shadows.get(name, ""),
        )


def marked(
    then: Listing, live: Listing, rows: dict[str, protection.Row]
) -> Iterator[Row]:
    """Each rule, and whether it is new or moved since it is live."""
    was, now = bare(live.rules), bare(then.rules)
    same = {j for _, j in common(keyed(then, was), keyed(then, now))}
    ours = [at for at, rule in enumerate(now) if then.key_of(rule)]
    fixed = {rule for rule in was if not then.key_of(rule)} & set(now)
    for at, place in enumerate(places(then)):
        new = now[at] not in was
        kept = at not in ours or (at in same and beside(fixed, was, now, at))
        row = rows.get(place.key) if place.key else None
        yield Row(place, row, new=new, moved=not new and not kept)


def bare(rules: Sequence[Rule]) -> list[Rule]:
    """Rules without their mode."""
    return [rule.enforced() for rule in rules]


def keyed(listing: Listing, rules: Sequence[Rule]) -> list[object]:
    """Ours by their control, everything else as if each were another."""
    return [listing.key_of(rule) or object() for rule in rules]


def beside(
    fixed: Collection[Rule], was: Sequence[Rule], now: Sequence[Rule], at: int
) -> bool:
    """Whether a rule has the same of the `fixed` rules before it as it had."""
    before = [rule for rule in now[:at] if rule in fixed]
    return before == [rule for rule in was[: was.index(now[at])] if rule in fixed]
