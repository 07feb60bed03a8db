"""The smtpd services that clients reach, with what each of them really works with.

An override of master.cf shadows main.cf, so a switch in main.cf may say one thing and
port 587 another (postconf(1), -P).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from postfixconf.policy.found import switch_is_on
from postfixconf.policy.listener import (
    SASL,
    SYSLOG_NAME,
    WRAPPER,
    counted,
    port_of,
    receiving,
)
from postfixconf.policy.observed import Facts, effective
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.text.expansion import expanded
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.services import Service

__all__ = ["FRONT", "NUMBERS", "SmtpService", "smtp_services", "value_of"]

FRONT = "25"
# /etc/services, and what master.cf calls 465 on older systems.
NUMBERS = {
    "smtp": FRONT,
    "submission": "587",
    "submissions": "465",
    "smtps": "465",
    "ssmtp": "465",
    "urd": "465",
}
LEVEL, AUTH_ONLY = "smtpd_tls_security_level", "smtpd_tls_auth_only"
USE, ENFORCE = "smtpd_use_tls", "smtpd_enforce_tls"  # where there is no level
LOGLEVEL = "smtpd_tls_loglevel"
SHOWN = (LEVEL, WRAPPER, SASL, AUTH_ONLY, SYSLOG_NAME, *RESTRICTION_LISTS)
NEEDED = (LEVEL, WRAPPER, SASL, AUTH_ONLY, SYSLOG_NAME, USE, ENFORCE, LOGLEVEL)
STRICT = ("encrypt", "fingerprint", "verify", "secure")
INNER = ("127.", "[127.", "localhost:", "[::1]:", "::1:")


def value_of(name: str, service: Service, main: MainCf, facts: Facts) -> str:
    """A parameter as a service has it: its own `-o`, main.cf's, or the default."""
    own = service.overrides()
    return own[name] if name in own else effective(main, facts, name)


@dataclass(frozen=True)
class SmtpService:
    """One smtpd that listens, or stands behind postscreen, as it is live.

    `number` is where it listens, `port` the same, but "25" for the one that other
    servers use. `values` are those that decide who may send, `own` the names that it
    overrides; `expanded` are others with `$name` replaced.
    """

    service: Service
    port: str
    number: str
    own: frozenset[str]
    values: Mapping[str, str]
    expanded: Mapping[str, str]

    @property
    def told(self) -> list[tuple[str, str, bool]]:
        """Name, value and whether it is its own, of what decides who may send."""
        return [(name, value, name in self.own) for name, value in self.values.items()]

    @property
    def inner(self) -> bool:
        """Whether it is of loopback alone, where content filters give mail back."""
        return self.service.name.startswith(INNER)

    @property
    def program(self) -> str:
        """What it logs as."""
        return f"{self.expanded[SYSLOG_NAME]}/smtpd"

    @property
    def signs_in(self) -> bool:
        """Whether people can sign in there."""
        return switch_is_on(self.expanded[SASL])

    @property
    def logs_tls(self) -> bool:
        """Whether the log tells of encryption."""
        return self.expanded[LOGLEVEL] not in ("", "0")

    @property
    def level(self) -> str:
        """Its TLS: `wrapped` (from the start), `encrypt`, `may` or ""."""
        if switch_is_on(self.expanded[WRAPPER]):
            return "wrapped"
        level = self.expanded[LEVEL].lower()
        if level in STRICT or (not level and switch_is_on(self.expanded[ENFORCE])):
            return "encrypt"
        if level == "may" or (not level and switch_is_on(self.expanded[USE])):
            return "may"
        return ""

    @property
    def tls(self) -> str:
        """The same in plain words."""
        return {
            "wrapped": "TLS from the start",
            "encrypt": "STARTTLS required",
            "may": "STARTTLS offered",
        }.get(self.level, "no encryption")

    @property
    def auth(self) -> str:
        """Signing in, in plain words."""
        if not self.signs_in:
            return "nobody can sign in"
        guarded = self.level in ("wrapped", "encrypt")
        if guarded or switch_is_on(self.expanded[AUTH_ONLY]):
            return "people sign in, under TLS only"
        return "people sign in, even without encryption"


def smtp_services(
    main: MainCf, master: MasterCf, facts: Facts
) -> tuple[SmtpService, ...]:
    """Each smtpd that clients reach, in the file's order."""
    fronts = receiving(master)
    return tuple(
        smtp_service(each, main, facts, front=each in fronts)
        for each in counted(master)
        if each.command == "smtpd" and each.type in ("inet", "pass")
    )


def smtp_service(
    service: Service, main: MainCf, facts: Facts, *, front: bool
) -> SmtpService:
    """One of them; `front` says that other servers use it."""
    number = NUMBERS.get(port_of(service), port_of(service))
    if service.type == "pass":  # behind postscreen
        number = FRONT
    known = partial(meaning, service, main, facts)
    return SmtpService(
        service=service,
        port=FRONT if front else number,
        number=number,
        own=frozenset(service.overrides()),
        values={name: value_of(name, service, main, facts) for name in SHOWN},
        expanded={name: expanded(known(name), known) for name in NEEDED},
    )


def meaning(service: Service, main: MainCf, facts: Facts, name: str) -> str:
    """What a name stands for in a service (postconf(5): service_name, 3.3)."""
    own = {"service_name": service.name, "process_name": "smtpd"}
    return own.get(name) or value_of(name, service, main, facts)
