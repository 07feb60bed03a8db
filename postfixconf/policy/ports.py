"""Through which port a message came: what the log's program name tells of it.

smtpd logs as `SYSLOG_NAME/smtpd`. Stock master.cf gives the submission services a
syslog_name of their own; a hand-written one often has none, and then logs as port 25
does. Such a name tells no port. The port that other servers use is "25" here, also
where a private instance has it elsewhere (`receiving`).

A port of loopback alone, where content filters give mail back, takes no part.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from postfixconf.policy.linting.seen import SASL, Seen
from postfixconf.policy.listener import receiving
from postfixconf.text.expansion import expanded
from postfixconf.text.services import Service

__all__ = ["FRONT", "UNKNOWN", "Door", "doors", "named", "offered", "ports"]

FRONT, UNKNOWN = "25", ""
# /etc/services, and what master.cf calls 465 on older systems.
NUMBERS = {
    "smtp": "25",
    "submission": "587",
    "submissions": "465",
    "smtps": "465",
    "ssmtp": "465",
    "urd": "465",
}
INNER = ("127.", "[127.", "localhost:", "[::1]:", "::1:")
TLS_LEVELS = ("encrypt", "may")


@dataclass(frozen=True)
class Door:
    """One smtpd service that clients reach, as it is live.

    `port` is "25" for the one that other servers use, `number` where it listens.
    `program` is what it logs as. `auth` says whether people can sign in, `tls` is
    `wrapped` (from the start), `encrypt`, `may` or "", `told` whether the log tells of
    encryption.
    """

    service: str
    port: str
    number: str
    program: str
    auth: bool
    tls: str
    told: bool


def doors(seen: Seen) -> tuple[Door, ...]:
    """The services through which mail comes in, in the order of master.cf."""
    reached = (each for each in seen.smtpds if each.type in ("inet", "pass"))
    return tuple(
        door_of(seen, each) for each in reached if not each.name.startswith(INNER)
    )


def ports(seen: Seen) -> dict[str, str]:
    """The port of each program that a service of master.cf logs as.

    UNKNOWN where it may be port 25 or another; `465 or 587` where it may be those.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for each in doors(seen):
        found[each.program].add(each.port)
    return {program: one_of(several) for program, several in found.items()}


def named(program: str, known: Mapping[str, str]) -> str:
    """The port of a program: as `known`, or by a stock name that it has.

    >>> named("postfix/submission/smtpd", {}), named("postfix/smtpd", {})
    ('587', '')
    """
    if program in known:
        return known[program]
    words = program.split("/")
    port = NUMBERS.get(words[-2], UNKNOWN) if len(words) > 2 else UNKNOWN
    return UNKNOWN if port == FRONT else port


def one_of(several: set[str]) -> str:
    """These ports as one text."""
    if len(several) > 1 and FRONT in several:
        return UNKNOWN
    return " or ".join(sorted(several))


def door_of(seen: Seen, service: Service) -> Door:
    """What is to be known of one service."""
    name = service.name.rpartition(":")[2]
    number = NUMBERS.get(name, name)
    if service.type == "pass":  # behind postscreen
        number = FRONT
    front = seen.master is not None and service in receiving(seen.master)
    level = value(seen, service, "smtpd_tls_security_level")
    if seen.is_on("smtpd_tls_wrappermode", service):
        level = "wrapped"
    elif level not in TLS_LEVELS:
        level = "may" if seen.is_on("smtpd_use_tls", service) else ""
    return Door(
        service=service.name,
        port=FRONT if front else number,
        number=number,
        program=f"{value(seen, service, 'syslog_name')}/smtpd",
        auth=seen.is_on(SASL, service),
        tls=level,
        told=value(seen, service, "smtpd_tls_loglevel") not in ("", "0"),
    )


def value(seen: Seen, service: Service, parameter: str) -> str:
    """A parameter as the processes of a service have it."""
    return expanded(seen.value(parameter, service), partial(lookup, seen, service))


def lookup(seen: Seen, service: Service, name: str) -> str:
    """What a name stands for in a service (postconf(5): service_name, 3.3)."""
    own = {"service_name": service.name, "process_name": "smtpd"}
    return own.get(name) or seen.value(name, service)


def offered(seen: Seen) -> Iterator[Door]:
    """Where people sign in, encrypted, and other servers do not come: 587, 465."""
    for each in doors(seen):
        if each.port != FRONT and each.auth and each.tls:
            yield each
