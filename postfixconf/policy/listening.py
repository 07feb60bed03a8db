"""What each service of master.cf really works with: main.cf, and its own `-o`.

An override shadows main.cf, so a switch in main.cf may say one thing and port 587
another (postconf(1), -P). `$name` is not expanded.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from postfixconf.policy.found import switch_is_on
from postfixconf.policy.listener import SASL, SYSLOG_NAME, WRAPPER, counted
from postfixconf.policy.observed import Facts, effective
from postfixconf.policy.relay import expand
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.services import Service

__all__ = ["Effective", "effective_services", "value_of"]

LEVEL, AUTH_ONLY = "smtpd_tls_security_level", "smtpd_tls_auth_only"
USE, ENFORCE = "smtpd_use_tls", "smtpd_enforce_tls"  # where there is no level
SHOWN = (LEVEL, WRAPPER, SASL, AUTH_ONLY, SYSLOG_NAME, *RESTRICTION_LISTS)


def value_of(name: str, service: Service, main: MainCf, facts: Facts) -> str:
    """A parameter as a service has it: its own `-o`, main.cf's, or the default."""
    own = service.overrides()
    return own[name] if name in own else effective(main, facts, name)


@dataclass(frozen=True)
class Effective:
    """One smtpd that listens, with the values it works with.

    `own` are the names that it overrides, `values` those that decide who may send,
    `expanded` the same with `$name` replaced.
    """

    service: Service
    own: frozenset[str]
    values: Mapping[str, str]
    expanded: Mapping[str, str]

    @property
    def told(self) -> list[tuple[str, str, bool]]:
        """Name, value and whether it is its own, of what decides who may send."""
        return [(name, value, name in self.own) for name, value in self.values.items()]

    @property
    def signs_in(self) -> bool:
        """Whether people can sign in there."""
        return switch_is_on(self.expanded[SASL])

    @property
    def wrapped(self) -> bool:
        """Whether it speaks TLS from the start."""
        return switch_is_on(self.expanded[WRAPPER])

    @property
    def tls(self) -> str:
        """Its TLS in plain words."""
        if self.wrapped:
            return "TLS from the start"
        level = self.expanded[LEVEL].lower()
        if not level and switch_is_on(self.expanded[ENFORCE]):
            level = "encrypt"
        elif not level and switch_is_on(self.expanded[USE]):
            level = "may"
        if level in ("encrypt", "fingerprint", "verify", "secure"):
            return "STARTTLS required"
        return "STARTTLS offered" if level == "may" else "no encryption"

    @property
    def auth(self) -> str:
        """Signing in, in plain words."""
        if not self.signs_in:
            return "nobody can sign in"
        guarded = self.tls in ("TLS from the start", "STARTTLS required")
        if guarded or switch_is_on(self.expanded[AUTH_ONLY]):
            return "people sign in, under TLS only"
        return "people sign in, even without encryption"


def effective_services(
    main: MainCf, master: MasterCf, facts: Facts
) -> tuple[Effective, ...]:
    """Each smtpd that listens on a port or behind postscreen, in the file's order."""
    found = []
    for each in counted(master):
        if each.command == "smtpd" and each.type in ("inet", "pass"):
            values = {name: value_of(name, each, main, facts) for name in SHOWN}
            old = {name: value_of(name, each, main, facts) for name in (USE, ENFORCE)}
            plain = {k: expand(v, main) for k, v in (values | old).items()}
            own = frozenset(each.overrides())
            found.append(Effective(each, own, values, plain))
    return tuple(found)
