"""Through which port a message came: what the log's program name tells of it.

smtpd logs as `SYSLOG_NAME/smtpd`. Stock master.cf gives the submission services a
syslog_name of their own; a hand-written one often has none, and then logs as port 25
does. Such a name tells no port. The port that other servers use is "25" here, also
where a private instance has it elsewhere (`receiving`).

A port of loopback alone, where content filters give mail back, takes no part.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from postfixconf.policy.linting.seen import Seen
from postfixconf.policy.listening import FRONT, NUMBERS, SmtpService, smtp_services

__all__ = ["FRONT", "UNKNOWN", "named", "offered", "outer", "ports"]

UNKNOWN = ""


def outer(seen: Seen) -> tuple[SmtpService, ...]:
    """The services through which mail comes in, in the order of master.cf."""
    if seen.master is None:
        return ()
    every = smtp_services(seen.main, seen.master, seen.facts)
    return tuple(each for each in every if not each.inner)


def ports(seen: Seen) -> dict[str, str]:
    """The port of each program that a service of master.cf logs as.

    UNKNOWN where it may be port 25 or another; `465 or 587` where it may be those.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for each in outer(seen):
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


def offered(seen: Seen) -> Iterator[SmtpService]:
    """Where people sign in, encrypted, and other servers do not come: 587, 465."""
    for each in outer(seen):
        if each.port != FRONT and each.signs_in and each.level:
            yield each
