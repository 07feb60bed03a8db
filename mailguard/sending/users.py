"""Who sends, and through which port, as a page shows it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from mailguard.asked import Asked
from mailguard.marks import visible
from mailguard.protection import services as protection
from mailguard.sending.senders import Group, Senders, ports_of
from mailguard.servers.models import Server
from mailguard.traffic.models import Usage
from mailguard.traffic.people import front_number, named, still_on_25
from mailguard.traffic.times import time_of
from mailguard.traffic.used import seen_of
from postfixconf.policy.linting.seen import Seen
from postfixconf.policy.listening import SmtpService
from postfixconf.policy.ports import FRONT, UNKNOWN, outer

__all__ = ["WHAT", "Looked", "Sender", "choices", "still_on_25", "title", "untold"]

ON_A_PAGE = 50
FEW = 3  # addresses shown of one sender
LATEST = 5  # rows looked at for them
MANY = 5000  # senders that a search remembers
NOT_KNOWN = "unknown"  # in the address bar
WHAT = {"user": "users", "device": "devices"}
SORTS = {"last": "last seen", "name": "name", "count": "most mail"}


@dataclass(frozen=True)
class Sender:
    """A user or device on one port.

    `count` is recipients; `clients` the last addresses with their names, `more` how
    many others there were. All texts may be shown, and are others'.
    """

    port: str
    name: str
    device: bool
    count: int
    first: datetime
    last: datetime
    clients: tuple[tuple[str, str], ...]
    more: int
    tls: str


@dataclass(frozen=True)
class Looked(Asked):
    """Whom somebody looks for."""

    CHOICES = {"what": WHAT, "sort": SORTS}

    text: str = ""
    port: str = ""
    what: str = ""
    sort: str = "last"

    @property
    def filtered(self) -> bool:
        """Whether it leaves anybody out."""
        return self != Looked(sort=self.sort)

    def page(self, server: Server, number: str | None) -> Page[Any]:
        """One page of senders, port by port."""
        found = Senders(self.rows(server), self.sort)
        page: Page[Any] = Paginator(found, ON_A_PAGE).get_page(number)
        page.object_list = senders(server, [*page.object_list])
        return page

    def rows(self, server: Server) -> QuerySet[Usage]:
        """The rows that are meant."""
        rows = usages(server)
        if self.port:
            rows = rows.filter(port="" if self.port == NOT_KNOWN else self.port)
        if self.what:
            device = Q(user="")
            rows = rows.filter(device if self.what == "device" else ~device)
        if text := self.text.strip():
            places = ("user__icontains", "client_name__icontains")
            inside = Q(client_address__istartswith=text)
            for each in places:
                inside |= Q(**{each: text})
            rows = rows.filter(who__in=few_or_all(rows.filter(inside)))
        return rows


def few_or_all(rows: QuerySet[Usage]) -> Any:
    """Who these rows are of: asked now and once, or where they are many, each time."""
    whos = rows.values_list("who", flat=True).distinct()
    found = [*whos[: MANY + 1]]
    return found if len(found) <= MANY else whos


def usages(server: Server) -> QuerySet[Usage]:
    """Every row but those of relays in front: they bring what others send."""
    rows = Usage.objects.filter(server=server)
    networks = [ip_network(each) for each in protection.live(server).relays]
    if not networks:
        return rows
    every = rows.filter(user="").values_list("client_address", flat=True).distinct()
    fronts = [
        each for each in every if any(ip_address(each) in some for some in networks)
    ]
    return rows.exclude(user="", client_address__in=fronts)


def senders(server: Server, groups: list[Group]) -> list[Sender]:
    """These groups of rows with their latest addresses and encryption."""
    latest: dict[tuple[str, int], list[Usage]] = defaultdict(list)
    whos, ports = {each.who for each in groups}, {each.port for each in groups}
    rows = Usage.objects.filter(server=server, port__in=ports, who__in=whos)
    order = Window(
        RowNumber(), partition_by=["port", "who"], order_by=F("last_at").desc()
    )
    for row in rows.annotate(turn=order).filter(turn__lte=LATEST).order_by("turn"):
        latest[row.port, row.who].append(row)
    seen = seen_of(server)
    return [sender(each, latest[each.port, each.who], seen) for each in groups]


def sender(group: Group, rows: list[Usage], seen: Seen | None) -> Sender:
    """One of them."""
    clients = {row.client_address: row.client_name for row in rows}
    few = tuple((visible(a), visible(n)) for a, n in [*clients.items()][:FEW])
    device, tls = not group.name, rows[0].tls if rows else ""
    return Sender(
        port=group.port,
        name=device_name(rows, group.address) if device else named(group.name),
        device=device,
        count=group.total,
        first=time_of(group.first),
        last=time_of(group.last),
        clients=few,
        more=max(group.clients - len(few), 0),
        tls=tls or without_tls(group.port, seen),
    )


def device_name(rows: list[Usage], address: str) -> str:
    """What to call a device: by its name, where it has one."""
    name = rows[0].client_name if rows else ""
    return named(name) if name not in ("", "unknown") else address


def without_tls(port: str, seen: Seen | None) -> str:
    """What it means that the log told of no encryption."""
    here = [each for each in outer(seen) if each.port == port] if seen else []
    if here and all(each.level in ("wrapped", "encrypt") for each in here):
        return "yes: the port insists"
    return "none" if here and all(each.logs_tls for each in here) else "not logged"


def untold(seen: Seen | None) -> list[SmtpService]:
    """The services with TLS that do not log whether it was used."""
    found = outer(seen) if seen else ()
    return [each for each in found if each.level and not each.logs_tls]


def title(port: str, seen: Seen | None) -> str:
    """What a port is called on the page."""
    if port == UNKNOWN:
        return "Port unknown"
    if port == FRONT:
        return f"Port {front_number(seen)}, where other servers deliver"
    return f"Port {port}"


def choices(server: Server) -> list[tuple[str, str]]:
    """The ports that were used, to choose from."""
    known = ports_of(usages(server))
    seen = seen_of(server)
    return [(port or NOT_KNOWN, title(port, seen)) for port in known]
