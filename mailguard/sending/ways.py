"""What the page Sending shows of each way in: the switch, the port, what hinders."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.conf import settings

from mailguard.protection import services as protection
from mailguard.sending import readiness
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.errors import PostfixconfError
from postfixconf.host.readiness import Check
from postfixconf.policy.control import Mode
from postfixconf.policy.finding import Finding
from postfixconf.policy.listener import Listener
from postfixconf.policy.listening import SmtpService, smtp_services
from postfixconf.policy.observed import Observed
from postfixconf.policy.sending import would_hinder
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["Way", "is_practice", "listening", "ways"]

UNSEEN = readiness.UNSEEN.key  # before the first look nothing is known


@dataclass(frozen=True)
class Way:
    """One switch; `service` is what it is in master.cf now, "" where it is not there.

    `would` is what it would be then, `hindered` why it could not go on as things are,
    or would be of no use: what forbids the change, else what was found on this machine.
    """

    row: protection.Row
    service: str = ""
    would: str = ""
    hindered: tuple[Finding | Check, ...] = ()


def ways(server: Server) -> list[Way]:
    """Every switch of how people send, in the order in which they are safe to take."""
    seen, checks = servers.last_observed(server), readiness.ready(server)
    rows = [row for row in protection.rows(server) if row.control.sends]
    found = [way_of(row, seen) for row in rows]
    return [each if each.hindered else with_checks(each, checks) for each in found]


def with_checks(way: Way, checks: Mapping[str, tuple[Check, ...]]) -> Way:
    """The same with what the worker found in the way of it."""
    row = way.row
    if row.live is Mode.ON or not row.switchable:
        return way
    found = checks.get(row.control.key, ())
    return replace(way, hindered=tuple(each for each in found if each.key != UNSEEN))


def way_of(row: protection.Row, seen: Observed | None) -> Way:
    """A row with what the live files say of it."""
    place = row.control.place
    if seen is None or not isinstance(place, Listener):
        return Way(row)
    try:
        main, master = MainCf.parse(seen.texts.main), MasterCf.parse(seen.texts.master)
        names = " and ".join(each.name for each in place.services(master))
        if names or row.live is Mode.ON or not row.switchable:
            return Way(row, names)
        after = place.on(master, forbids=False)
        would = " and ".join(each.name for each in place.services(after))
        return Way(row, "", would, would_hinder(place, main, master, seen.facts))
    except PostfixconfError:  # what is wrong with the files stands on every page
        return Way(row)


def listening(server: Server) -> tuple[SmtpService, ...]:
    """Each smtpd that listens now, with what it works with."""
    seen = servers.last_observed(server)
    if seen is None:
        return ()
    try:
        main, master = MainCf.parse(seen.texts.main), MasterCf.parse(seen.texts.master)
    except PostfixconfError:
        return ()
    return smtp_services(main, master, seen.facts)


def is_practice(server: Server) -> bool:
    """Whether this is the practice server, whose ports are others."""
    return not settings.CONFIG_DIR and server.config_dir.endswith("/practice/etc")
