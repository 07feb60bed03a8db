"""Whether Dovecot, which knows the passwords, can be asked: at its own socket.

smtpd asks it once, as it starts, which mechanisms there are; without an answer it ends.
One that has started before goes on greeting as if nothing were wrong, so what smtpd
says before a change is no proof that the next smtpd starts.

Cyrus SASL lets smtpd start whatever happens, and is not looked at.
"""

from collections.abc import Iterable

from postfixconf.errors import HostError
from postfixconf.host.instance import Instance
from postfixconf.host.readiness import dovecot
from postfixconf.host.readiness.settings import Settings
from postfixconf.host.readiness.signin import service_of_server
from postfixconf.policy.found import switch_is_on
from postfixconf.policy.listener import SASL
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["alarms", "deaf"]

NAMES = (SASL, "smtpd_sasl_type", "smtpd_sasl_path", "queue_directory")
# What the log says of an smtpd that cannot start for that (seen on 3.7.11).
FATAL = "smtpd: fatal: no SASL authentication mechanisms"
THROTTLED = "master: warning: {}/smtpd: bad command startup -- throttling"


def deaf(instance: Instance, services: Iterable[str]) -> dict[str, str]:
    """Why an smtpd of these services of master.cf would not start now, by name.

    Those are left out that would, or that let nobody sign in.
    """
    wanted, master = set(services), MasterCf.parse(instance.master().text)
    everywhere = SASL in MainCf.parse(instance.main().text).names()
    found = [
        each
        for each in master.services()
        if each.command == "smtpd" and each.name in wanted
        if everywhere or SASL in each.overrides()
    ]
    if not found:
        return {}
    values = instance.values(*NAMES)
    said: dict[dovecot.Service, str] = {}
    told = {}
    for each in found:
        settings = Settings(values, each.overrides(), each.chroot == "y")
        asked = service_of_server(settings)
        if asked is None or not switch_is_on(settings.get(SASL)):
            continue
        if asked not in said:
            said[asked] = silence(asked)
        if said[asked]:
            told[each.name] = said[asked]
    return told


def silence(asked: dovecot.Service) -> str:
    """Why Dovecot does not answer, empty where it does."""
    try:
        dovecot.greet(asked)
    except HostError as cause:
        return str(cause)
    return ""


def alarms(instance: Instance) -> frozenset[str]:
    """What the log says where smtpd does not start for that."""
    directory = instance.values("daemon_directory")["daemon_directory"]
    return frozenset({FATAL, THROTTLED.format(directory)})
