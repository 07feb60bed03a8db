"""What the linter looks at: a configuration, read once for all kinds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from postfixconf.policy.classes import declared
from postfixconf.policy.found import switch_is_on
from postfixconf.policy.linting.around import Around
from postfixconf.policy.lookups import Uses
from postfixconf.policy.observed import Facts, effective, front_services
from postfixconf.policy.relay import (
    compatibility,
    expand,
    relay_rules,
    unfolded,
)
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.text.expansion import expanded
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import Rule, parse_list
from postfixconf.text.services import Service

__all__ = ["Listed", "Seen"]

SASL = "smtpd_sasl_auth_enable"
PORTS = ("smtp", "25", "submission", "587", "submissions", "smtps", "465")
INNER = ("127.", "[127.", "localhost:", "[::1]:")


@dataclass(frozen=True)
class Listed:
    """A restriction list as it stands in main.cf, or as `-o` of a service.

    `rules` has `$name` followed, `flat` restriction classes too. `front` says whether
    strangers reach it on port 25, `sasl` whether clients can sign in where it is
    asked. A restriction class is a list that is asked from others.
    """

    name: str
    service: str
    rules: tuple[Rule, ...]
    flat: tuple[Rule, ...]
    front: bool = True
    sasl: bool = False

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        return f"-o {self.name} of {self.service}" if self.service else self.name


@dataclass(frozen=True)
class Seen:
    """A configuration and what is known around it; see `lint` for each part."""

    main: MainCf
    facts: Facts
    master: MasterCf | None = None
    access: str = ""
    uses: Uses | None = None
    around: Around = field(default_factory=Around)

    def value(self, parameter: str, service: Service | None = None) -> str:
        """A parameter as a service has it, `$` not expanded; main.cf's for None."""
        over = service.overrides() if service else {}
        if parameter in over:
            return over[parameter]
        if parameter in RESTRICTION_LISTS:
            return relay_rules(self.main, self.facts, parameter)
        return effective(self.main, self.facts, parameter)

    def is_on(self, parameter: str, service: Service | None = None) -> bool:
        """Whether a switch is on in a service."""
        return switch_is_on(expand(self.value(parameter, service), self.main))

    def expanded(self, value: str) -> str:
        """`value` with its `$name` expanded, by Postfix's defaults too."""
        here = self.facts.config_directory or "/etc/postfix"
        return expanded(
            value, lambda name: here if name == "config_directory" else self.value(name)
        )

    def signs_in(self, service: Service | None) -> bool:
        """Whether people sign in there: content filters' own ports do not count."""
        known = service is None or (
            service.name.rpartition(":")[2] in PORTS
            and not service.name.startswith(INNER)
        )
        return (known or service in self.fronts) and self.is_on(SASL, service)

    def flat(self, name: str, service: Service | None = None) -> tuple[Rule, ...]:
        """A list as a service has it, `$name` and classes followed."""
        return unfolded(self.main, self.value(name, service))

    def chrooted(self, service: Service) -> bool:
        """Whether a service runs inside the queue directory (master(5))."""
        old = compatibility(self.main) < (1,)
        return service.chroot == "y" or (service.chroot == "-" and old)

    @cached_property
    def smtpds(self) -> tuple[Service, ...]:
        """The smtpd services of master.cf."""
        every = self.master.services() if self.master else ()
        return tuple(each for each in every if each.command == "smtpd")

    @cached_property
    def fronts(self) -> tuple[Service, ...]:
        """The services that strangers reach on port 25."""
        return front_services(self.master) if self.master else ()

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The restriction classes that main.cf declares."""
        return declared(self.main)

    @cached_property
    def lists(self) -> tuple[Listed, ...]:
        """Every list of main.cf, then those that services have instead."""
        return (*self._of_main(), *self._of_services())

    @cached_property
    def bodies(self) -> tuple[Listed, ...]:
        """The restriction classes, as lists."""
        return tuple(
            self._listed(name, "", self.main.get(name) or "") for name in self.classes
        )

    def settings(self) -> Iterator[tuple[str, str, str]]:
        """(place, name, value) of all that is set, `$` not expanded."""
        for name in self.main.names():
            yield name, name, self.main.get(name) or ""
        for service in self.master.services() if self.master else ():
            for name, value in service.overrides().items():
                yield f"-o {name} of {service.name}", name, value

    def _of_main(self) -> Iterator[Listed]:
        for name in RESTRICTION_LISTS:
            users = [x for x in self.smtpds if name not in x.overrides()]
            front = not self.smtpds or any(each in self.fronts for each in users)
            sasl = any(self.signs_in(x) for x in users or (None,))
            yield self._listed(name, "", self.value(name), front=front, sasl=sasl)

    def _of_services(self) -> Iterator[Listed]:
        for each in self.smtpds:
            sasl = self.signs_in(each)
            front = each in self.fronts
            for name, value in each.overrides().items():
                if name in RESTRICTION_LISTS:
                    yield self._listed(name, each.name, value, front=front, sasl=sasl)

    def _listed(
        self,
        name: str,
        service: str,
        value: str,
        *,
        front: bool = True,
        sasl: bool = False,
    ) -> Listed:
        rules = parse_list(expand(value, self.main))
        return Listed(name, service, rules, unfolded(self.main, value), front, sasl)
