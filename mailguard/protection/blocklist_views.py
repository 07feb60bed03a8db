"""Blocklists: can I trust this list here? Every switch is a draft, as on Protection."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.protection import health, services
from mailguard.protection.forms import ControlForm
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.traffic.beside import Beside, beside
from postfixconf.policy.blocklists import Asked, Blocklist
from postfixconf.policy.catalog import LISTS as RESTRICTIONS
from postfixconf.policy.unusable_lists import DEAD, death
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import parse_list

__all__ = ["blocklists", "check"]

TITLES = {
    "Addresses of clients": (Asked.CLIENT,),
    "Domains of senders, greetings and reverse names": (
        Asked.SENDER,
        Asked.HELO,
        Asked.REVERSE,
    ),
    "Allow lists": (Asked.ALLOW,),
}


@dataclass(frozen=True)
class Shown:
    """A row of the page: the switch, what the log says, and what the list is like."""

    row: services.Row
    form: ControlForm
    evidence: Beside
    about: Blocklist
    health: health.Standing


@dataclass(frozen=True)
class Dead:
    """A rule of main.cf that asks a dead list."""

    rule: str
    place: str
    sentence: str


@require_safe
def blocklists(request: HttpRequest) -> HttpResponse:
    """Every list that can be asked, and the dead ones."""
    server = servers.local()
    rows = shown(server)
    groups = [
        (title, [x for x in rows if x.row.control.key.partition(":")[0] in asked])
        for title, asked in TITLES.items()
    ]
    context = {
        "groups": groups,
        "waiting": any(each.health.waiting for each in rows),
        "dead": list(dead_rules(server)),
        "gone": DEAD.items(),
    }
    return render(request, "protection/blocklists.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    """Have every list checked by the worker."""
    if request.method == "POST":
        server = servers.local()
        health.ask(server=server, lists=health.askable(server))
    return redirect("protection:blocklists")


def shown(server: Server) -> list[Shown]:
    """The rows of the lists."""
    controls = services.wanted().controls
    rows = [(row, controls.list_of(row.control.key)) for row in services.rows(server)]
    known = health.standing(server)
    live = {row.control.key: row.live for row, about in rows if about}
    evidence = beside(server, live)
    return [
        Shown(
            row,
            ControlForm(row.control, row.mode),
            evidence[row.control.key],
            about,
            known[about.zone],
        )
        for row, about in rows
        if about
    ]


def dead_rules(server: Server) -> Iterator[Dead]:
    """The rules of the server's main.cf that ask a dead list."""
    seen = servers.last_observed(server)
    main = MainCf.parse(seen.texts.main if seen else "")
    for name in RESTRICTIONS:
        for rule in parse_list(main.get(name) or ""):
            if sentence := death((rule.argument or "").partition("=")[0]):
                yield Dead(rule.text, name, sentence)
