"""PURE. What an smtpd on 587 or 465 goes by: master.cf's overrides over main.cf."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from postfixconf.host.readiness.check import PORTS
from postfixconf.policy.listener import SUBMISSION, SUBMISSIONS
from postfixconf.policy.observed import front_services
from postfixconf.text.expansion import expanded
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.services import Service

__all__ = ["Settings", "number_of", "service_of"]

WAYS = {"submission": SUBMISSION, "submissions": SUBMISSIONS}


@dataclass(frozen=True)
class Settings:
    """The parameters of one service by name; `chroot` says whether it is in one.

    `values` are main.cf's, expanded and with the defaults.
    """

    values: Mapping[str, str]
    overrides: Mapping[str, str]
    chroot: bool = False

    @classmethod
    def of(
        cls, step: str, values: Mapping[str, str], master: MasterCf, plain: str = "n"
    ) -> "Settings":
        """Those of a step; of port 25 where there is no such service yet.

        `plain` is what `-` in the field for chroot means here (`y` before Postfix 3).
        """
        service = service_of(step, master)
        like = service or next(iter(front_services(master)), None)
        flag = like.chroot if like else "-"
        chroot = (plain if flag == "-" else flag) == "y"
        return cls(values, service.overrides() if service else {}, chroot)

    def get(self, name: str) -> str:
        """The value of a parameter; empty for one that nobody knows."""
        if name in self.overrides:
            return expanded(self.overrides[name], self._known).strip()
        return self.values.get(name, "")

    @property
    def _known(self) -> Callable[[str], str | None]:
        told = {**self.values, **self.overrides}
        return told.get


def service_of(step: str, master: MasterCf) -> Service | None:
    """The smtpd of a step, on whatever port; None where there is none."""
    found = WAYS[step].services(master)
    return next((each for each in reversed(found) if each.command == "smtpd"), None)


def number_of(step: str, master: MasterCf) -> int:
    """The port of a step, or the one it would have: it may stand in a comment."""
    way = WAYS[step]
    found = way.services(master) or way.services(way.on(master, forbids=False))
    text = found[-1].name.rpartition(":")[2]
    return int(text) if text.isdecimal() else PORTS[step]
