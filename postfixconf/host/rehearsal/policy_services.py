"""Policy services: not asked in a rehearsal, but they have to be there.

One that is configured and does not listen answers every recipient with 451, and
`postfix check` is content (seen on 3.7.11). We connect and hang up.
"""

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from postfixconf.policy.greylisting import is_same
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import parse_list

__all__ = ["PolicyService", "policy_services"]

TIMEOUT = 1.0  # seconds to connect
PASSES = re.compile(r"(dunno|ok|permit\w*)\b", re.IGNORECASE)
DEFAULT = "451 4.3.5 Server configuration problem"  # postconf(5)


@dataclass(frozen=True)
class PolicyService:
    """A policy service as it is named, `inet:127.0.0.1:10023`, and what Postfix does
    when it does not answer.
    """

    name: str
    default_action: str

    @property
    def needed(self) -> bool:
        """Whether mail is put off while it is away."""
        return not PASSES.match(self.default_action)

    def is_at(self, place: str) -> bool:
        """Whether it is the one at this place, however that is spelled."""
        return is_same(self.name, place)

    def listens(self, queue: Path) -> bool:
        """Whether it can be connected to; a name without a dot or path may be wrong.

        `queue` is the queue directory: UNIX sockets are named from there.
        """
        kind, _, place = self.name.partition(":")
        with suppress(OSError, ValueError):
            if kind == "unix":
                with socket.socket(socket.AF_UNIX) as connected:
                    connected.settimeout(TIMEOUT)
                    connected.connect(str(self._path(queue, place)))
                    return True
            host, _, port = place.rpartition(":")
            address = (host.strip("[]") or "127.0.0.1", int(port))
            with socket.create_connection(address, TIMEOUT):
                return True
        return False

    def _path(self, queue: Path, place: str) -> Path:
        """Where the socket is: an absolute name may be meant from within a chroot."""
        path = queue / place
        inside = queue / place.lstrip("/")
        return inside if inside.exists() else path


def policy_services(main: MainCf, master: MasterCf) -> frozenset[PolicyService]:
    """Every policy service that a list names."""
    usual = main.get("smtpd_policy_service_default_action") or DEFAULT
    return frozenset(
        read(rule.argument, usual)
        for value in values(main, master)
        for rule in parse_list(value)
        if rule.key == "check_policy_service" and rule.argument
    )


def values(main: MainCf, master: MasterCf) -> Iterator[str]:
    """Every value that may be a list, of main.cf and of the services."""
    yield from (main.get(name) or "" for name in main.names())
    for each in master.services():
        yield from each.overrides().values()


def read(argument: str, usual: str) -> PolicyService:
    """A service from its name, or from `{ name, attribute = value, … }` (3.0)."""
    if not argument.startswith("{"):
        return PolicyService(argument, usual)
    first, *rest = (part.strip() for part in argument[1:-1].split(","))
    if not rest and " " in first:
        first, *rest = first.split(maxsplit=1)
    action = re.search(r"default_action\s*=\s*([^,}]*)", argument)
    return PolicyService(first, action[1].strip() if action else usual)
