"""PURE. What an smtpd on 587 or 465 goes by: master.cf's overrides over main.cf."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from postfixconf.text.mastercf import MasterCf
from postfixconf.text.references import followed
from postfixconf.text.services import Service

__all__ = ["NAMES", "Settings", "service_of"]

# As Postfix's own master.cf, /etc/services and people write them.
NAMES: Mapping[str, tuple[str, ...]] = {
    "submission": ("submission", "587"),
    "submissions": ("submissions", "smtps", "465", "urd"),
}


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
        like = service or service_of("smtp", master)
        flag = like.chroot if like else "-"
        chroot = (plain if flag == "-" else flag) == "y"
        return cls(values, service.overrides() if service else {}, chroot)

    def get(self, name: str) -> str:
        """The value of a parameter; empty for one that nobody knows."""
        if name in self.overrides:
            return followed(self.overrides[name], self._known).strip()
        return self.values.get(name, "")

    @property
    def _known(self) -> Callable[[str], str | None]:
        told = {**self.values, **self.overrides}
        return told.get


def service_of(step: str, master: MasterCf) -> Service | None:
    """The smtpd of a step, on whatever address; `smtp` is port 25."""
    names = NAMES.get(step, ("smtp", "25"))
    found = None
    for each in master.services():
        if each.type == "inet" and each.name.rpartition(":")[2] in names:
            found = each
    return found
