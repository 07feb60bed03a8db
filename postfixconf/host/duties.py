"""The proof of how people send: the live ports are talked to, with TLS.

Each port that a plan answers for is asked what a mail program would ask: the banner,
what is offered in the clear and under TLS, and whether somebody who has not signed in
can relay. No certificate is verified, for one made by oneself encrypts as well; nobody
signs in, for no password is known here.

The connection comes from this machine: what a firewall does is not seen. All ports are
asked at once, so that several silent ones cost no more than one.
"""

import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from postfixconf.errors import Unproven
from postfixconf.host.conversation import (
    AUTH,
    NAME,
    Alarm,
    Session,
    under_tls,
    unverified,
)
from postfixconf.host.instance import Instance
from postfixconf.policy.duties import Duty

__all__ = ["Fault", "address_of", "faults", "lasting_faults"]

OUTSIDE = "probe@[192.0.2.1]"  # TEST-NET-1: nobody's address (RFC 5737)
TIMEOUT = 10.0  # seconds for a connection, and for a handshake
PATIENCE = 3.0  # seconds for a listener to open, and for smtpds of before to end
SILENCE = 15.0  # seconds for a whole conversation: postscreen alone takes six
QUIET = 2.0  # seconds without a word, and master has started nothing to say one
PAUSE = 0.1
STARTTLS = re.compile(r"\bSTARTTLS\b")


@dataclass(frozen=True)
class Fault:
    """What is wrong with a service; `why` tells no fault from another."""

    service: str
    what: str
    why: str = field(default="", compare=False)

    def __str__(self) -> str:
        said = f"the service {self.service} {self.what}"
        return f"{said}: {self.why}" if self.why else said


def lasting_faults(
    instance: Instance, duties: tuple[Duty, ...], alarm: Alarm
) -> frozenset[Fault]:
    """What is wrong, after some patience.

    Right after a reload a listener may not be open yet, and an smtpd of before may
    answer once more.
    """
    end = time.monotonic() + PATIENCE
    while found := faults(instance, duties, alarm):
        if time.monotonic() > end:
            return found
        time.sleep(PAUSE)
    return frozenset()


def faults(
    instance: Instance,
    duties: tuple[Duty, ...],
    alarm: Alarm = list,
    *,
    hurried: bool = False,
) -> frozenset[Fault]:
    """What is wrong with each of these ports, a sentence each without a full stop.

    `hurried`, one is not waited for where master has given it up: it starts a process
    for whoever connects, unless those before it died at their start (master(8),
    throttling). Not right after a change, when a busy machine may be late.
    """
    if not duties:
        return frozenset()

    def asked(duty: Duty) -> frozenset[Fault]:
        given_up = partial(_given_up, instance, duty) if hurried else None
        return _faults_of(instance, duty, _impatient(alarm, given_up))

    with ThreadPoolExecutor(len(duties)) as pool:
        return frozenset().union(*pool.map(asked, duties))


def _faults_of(instance: Instance, duty: Duty, alarm: Alarm) -> frozenset[Fault]:
    """What is wrong with one port."""
    found = set()
    try:
        where = address_of(instance, duty.service)
        for each in _at(duty, where, alarm):
            found.add(Fault(duty.service, each))
    except (Unproven, OSError) as cause:
        found.add(Fault(duty.service, "does not answer", str(cause)))
    return frozenset(found)


def _given_up(instance: Instance, duty: Duty) -> bool:
    """Whether master runs nothing for a port."""
    return not instance.processes(duty.service)


def _impatient(alarm: Alarm, given_up: Callable[[], bool] | None) -> Alarm:
    """The alarm, and one more after a while: a listener may be there with no smtpd."""
    began = time.monotonic()

    def heard() -> list[str]:
        if found := alarm():
            return found
        waited = time.monotonic() - began
        if waited > SILENCE:
            return [f"no end within {SILENCE:g} seconds"]
        if waited > QUIET and given_up is not None and given_up():
            return [f"master has started nothing for it within {QUIET:g} seconds"]
        return []

    return heard


def _at(duty: Duty, where: tuple[str, int], alarm: Alarm) -> Iterator[str]:
    """What is wrong at one port."""
    with _talking(where, alarm, wrapped=duty.wrapped) as talk:
        said = _greeted(talk)
        if not duty.wrapped:
            offered = STARTTLS.search(said) is not None
            if not duty.signs_in:
                if AUTH.search(said):
                    yield "offers AUTH"
                if not offered:
                    return
            elif not offered:
                yield f"offers no STARTTLS{_why(talk)}"
                return
            elif duty.ours and AUTH.search(said):
                yield "offers AUTH before TLS"
            strict = duty.signs_in and duty.ours
            if strict and talk.command("MAIL FROM:<>").code != 530:
                yield "takes mail without TLS"
            talk.start_tls(unverified())
            said = _greeted(talk)
        if (AUTH.search(said) is not None) is not duty.signs_in:
            yield "offers no AUTH under TLS" if duty.signs_in else "offers AUTH"
        if duty.signs_in and duty.ours:
            talk.command("MAIL FROM:<>")
            reply = talk.command(f"RCPT TO:<{OUTSIDE}>")
            if reply.code < 400:
                yield "relays for somebody who has not signed in"
            elif reply.broken:
                yield f"answers “{reply}”"
        talk.command("QUIT")


def _greeted(talk: Session) -> str:
    """What is offered after EHLO. Raises Unproven."""
    reply = talk.command(f"EHLO {NAME}")
    if talk.banner.code != 220 or reply.code != 250:
        raise Unproven(f"“{talk.banner}”, then “{reply}”")
    return reply.text


def _why(talk: Session) -> str:
    """What it says to STARTTLS all the same."""
    reply = talk.command("STARTTLS")
    return f", and answers “{reply}” to it" if reply.code != 220 else ""


@contextmanager
def _talking(
    where: tuple[str, int], alarm: Alarm, *, wrapped: bool
) -> Iterator[Session]:
    """A conversation with a port. Raises Unproven, OSError."""
    with socket.create_connection(where, TIMEOUT) as plain:
        connected = under_tls(plain, unverified(), alarm) if wrapped else plain
        with connected, Session(connected, alarm) as talk:
            yield talk


def address_of(instance: Instance, service: str) -> tuple[str, int]:
    """Where a listener of master.cf is reached from this machine.

    Raises OSError for the name of a port that nobody knows.
    """
    host, _, port = service.rpartition(":")
    number = int(port) if port.isdigit() else socket.getservbyname(port, "tcp")
    if host:
        return host.strip("[]"), number
    told = instance.values("inet_interfaces", "inet_protocols")
    words = told["inet_interfaces"].replace(",", " ").split()
    if words and not set(words) & {"all", "loopback-only"}:
        return words[0].strip("[]"), number
    protocols = set(told["inet_protocols"].replace(",", " ").split())
    return "127.0.0.1" if protocols & {"all", "ipv4"} else "::1", number
