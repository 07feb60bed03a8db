"""Every check of one server at once. For the worker: it wants root."""

from dataclasses import dataclass
from datetime import datetime

from postfixconf.errors import PostfixconfError
from postfixconf.host.instance import Instance
from postfixconf.host.readiness.certificate import certificate
from postfixconf.host.readiness.check import STEPS, Check, Level, merged
from postfixconf.host.readiness.firewall import firewall, manager
from postfixconf.host.readiness.kernel import outer
from postfixconf.host.readiness.listening import port
from postfixconf.host.readiness.sasl import sasl
from postfixconf.host.readiness.settings import Settings, number_of
from postfixconf.text.mastercf import MasterCf

__all__ = ["Looked", "look"]


@dataclass(frozen=True)
class Looked:
    """What was found, and who manages the firewall (`firewalld`, `ufw` or nobody)."""

    checks: tuple[Check, ...]
    manager: str = ""


def look(instance: Instance, now: datetime) -> Looked:
    """Check everything; a server that cannot be read is a hindrance of its own."""
    try:
        values = instance.values()
        master = MasterCf.parse(instance.master().text)
    except PostfixconfError as cause:
        remedy = "Nothing was checked. Correct that first."
        sentence = f"Postfix's files cannot be read: {str(cause)[:500]}."
        return Looked((Check("files", Level.HINDRANCE, sentence, remedy),))
    running = instance.master_pid()
    try:
        managed = manager()
    except PostfixconfError:
        managed = ""
    found: list[Check] = []
    for step in STEPS:
        settings = Settings.of(step, values, master)
        number = number_of(step, master)
        name = settings.get("myhostname")
        said = [*certificate(settings, name, now), sasl(settings)]
        found += [for_step(each, step) for each in said]
        found.append(port(step, number, running))
        found.append(firewall(step, number, families(settings), managed))
    return Looked(merged(found), managed)


def for_step(check: Check, step: str) -> Check:
    """The same check of one step alone."""
    said = (check.key, check.level, check.sentence, check.remedy, check.command)
    return Check(*said, (step,))


def families(settings: Settings) -> tuple[str, ...]:
    """What Postfix listens on and strangers can come by: `ip`, `ip6`."""
    told = settings.get("inet_protocols").replace(",", " ").split()
    wanted = {"ip": ("all", "ipv4"), "ip6": ("all", "ipv6")}
    found = [family for family, words in wanted.items() if set(words) & set(told)]
    if not outer("ip6"):
        found = [each for each in found if each != "ip6"]
    return tuple(found) or ("ip",)
