"""Blocklists: can I trust this list here? Every switch is a draft, as on Protection."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mailguard.protection import health, own_lists, services
from mailguard.protection.forms import ControlForm
from mailguard.protection.list_forms import KeyForm, ListForm
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.traffic.beside import Beside, beside
from postfixconf.policy.blocklists import Asked, Blocklist
from postfixconf.policy.listing import FORMS
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.policy.unusable_lists import DEAD, death, without_key
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

WITH_KEY = "Lists that are asked with a key of yours"


@dataclass(frozen=True)
class Shown:
    """A row of the page: the switch, what the log says, and what the list is like."""

    row: services.Row
    form: ControlForm
    evidence: Beside
    about: Blocklist
    health: health.Standing

    @property
    def asked(self) -> str:
        """What it is asked about, as its control's key says."""
        return self.row.control.key.partition(":")[0]

    @property
    def with_key(self) -> bool:
        """Whether it is one of the catalogue that needs a key."""
        return bool(self.about.key) and not self.about.own


@dataclass(frozen=True)
class Dead:
    """A rule of main.cf that asks a dead list."""

    rule: str
    place: str
    sentence: str


@dataclass(frozen=True)
class Key:
    """A key that lists need, and the form to type it."""

    held: own_lists.Held
    form: KeyForm


@dataclass(frozen=True)
class ByHand:
    """A rule of main.cf that asks a list mailguard does not know."""

    rule: str
    place: str
    take_over: str


@require_safe
def blocklists(request: HttpRequest) -> HttpResponse:
    """Every list that can be asked, and the dead ones."""
    return page(request)


def page(
    request: HttpRequest,
    *,
    list_form: ListForm | None = None,
    key_form: KeyForm | None = None,
) -> HttpResponse:
    """The page, with the form that somebody got wrong in place of the empty one."""
    server = servers.local()
    rows = shown(server)
    groups = [
        (title, [x for x in rows if x.asked in asked and not x.with_key])
        for title, asked in TITLES.items()
    ]
    groups.append((WITH_KEY, [x for x in rows if x.with_key]))
    context = {
        "groups": groups,
        "waiting": any(each.health.waiting for each in rows),
        "dead": list(dead_rules(server)),
        "gone": DEAD.items(),
        "by_hand": list(by_hand(server)),
        "list_form": list_form or ListForm(initial=request.GET.dict()),
        "keys": [
            Key(
                each,
                key_form
                if key_form and key_form.name == each.name
                else KeyForm(each.name),
            )
            for each in own_lists.held()
        ],
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
    for name in RESTRICTION_LISTS:
        for rule in parse_list(main.get(name) or ""):
            if sentence := death((rule.argument or "").partition("=")[0]):
                yield Dead(rule.text, name, sentence)


def by_hand(server: Server) -> Iterator[ByHand]:
    """The rules of the server's main.cf that ask a list mailguard does not know."""
    seen = servers.last_observed(server)
    main = MainCf.parse(seen.texts.main if seen else "")
    controls = services.wanted().controls
    kinds = {name: asked for asked, form in FORMS.items() for name in form.names}
    for name in RESTRICTION_LISTS:
        for rule in parse_list(main.get(name) or ""):
            zone, _, codes = (rule.argument or "").partition("=")
            known = controls.restriction_of(rule) or death(zone)
            if rule.key not in kinds or known or without_key(zone) != zone:
                continue
            asked = {"zone": zone, "asks": kinds[rule.key].value, "codes": codes}
            yield ByHand(rule.text, name, urlencode(asked))
