"""What firewalld says of a port, in the zone that the internet comes in by.

What this does not handle: policies between zones and direct rules. So an “open” is
believed only where the kernel's own rules do not say “closed” (firewall.py).
"""

import re

from postfixconf.host.commands import run
from postfixconf.host.readiness.filtering import Fit, Packet, Way
from postfixconf.host.readiness.kernel import SLOW, outer

__all__ = ["open_port", "running", "way", "zone"]

COMMAND = "firewall-cmd"
SERVICES = {"smtp-submission": "587/tcp", "smtps": "465/tcp"}
SOURCE = re.compile(r'source (?:not )?address="([^"]+)"')
PORT = re.compile(r'(?<!-)port port="([^"]+)" protocol="(\w+)"')


def running() -> bool:
    """Whether it runs."""
    return ask("--state", check=False) == "running"


def ask(*words: str, check: bool = True) -> str:
    """Its answer. Raises CommandFailed."""
    return run(COMMAND, *words, check=check, timeout=SLOW).out.strip()


def zone(interface: str) -> str:
    """The zone of an interface; the default one where it is in none."""
    name = ""
    for line in ask("--get-active-zones").splitlines():
        words = line.split()
        if words and not line.startswith((" ", "\t")):
            name = words[0]
        elif words[:1] == ["interfaces:"] and interface in words[1:]:
            return name
    return ask("--get-default-zone")


def way(port: int, family: str) -> Way:
    """The way of a stranger to a port. Raises HostError, ValueError."""
    told, rich = listed(ask(f"--zone={zone(outer(family))}", "--list-all"))
    ports = [*told["ports"].split()]
    for service in told["services"].split():
        ports += [SERVICES.get(service) or of_service(service)]
    opened = any(holds(each, port) for each in " ".join(ports).split())
    opened = opened or told["target"] == "ACCEPT"
    judged = [matters(each, port, family) for each in rich]
    if any(judged) or f"port={port}:" in told["forward-ports"]:
        return Way.UNKNOWN
    return Way.OPEN if opened else Way.CLOSED


def listed(text: str) -> tuple[dict[str, str], list[str]]:
    """The lines `name: value` of a zone, and its rich rules. Raises ValueError."""
    told = {"services": "", "forward-ports": ""}
    rich = []
    for line in map(str.strip, text.splitlines()):
        name, colon, value = line.partition(":")
        if line.startswith("rule "):
            rich.append(line)
        elif colon:
            told[name] = value.strip()
    if not {"target", "ports"} <= told.keys():
        raise ValueError("firewalld describes its zone in words that are not known")
    return told, rich


def of_service(name: str) -> str:
    """The ports of a service."""
    for line in ask(f"--info-service={name}").splitlines():
        key, _, value = line.strip().partition(":")
        if key == "ports":
            return value
    return ""


def holds(text: str, port: int) -> bool:
    """Whether `587/tcp` or `500-600/tcp` holds the port. Raises ValueError."""
    numbers, _, protocol = text.partition("/")
    first, _, last = numbers.partition("-")
    return protocol == "tcp" and int(first) <= port <= int(last or first)


def matters(rule: str, port: int, family: str) -> bool:
    """Whether a rich rule could say something else of a stranger on this port."""
    if f'family="{ {"ip": "ipv6", "ip6": "ipv4"}[family] }"' in rule:
        return False
    named = SOURCE.search(rule)
    if named and "not address" not in named[0]:
        try:
            if Packet(port, family).from_network(named[1]) is Fit.NO:
                return False
        except ValueError:
            return True
    asked = PORT.search(rule)
    if asked:
        return holds(f"{asked[1]}/{asked[2]}", port)
    return "service name=" not in rule or "smtp" in rule or "submission" in rule


def open_port(port: int) -> None:
    """Let everybody in on a port, now and for good. Raises CommandFailed."""
    where = f"--zone={zone(outer('ip'))}"
    for words in ((), ("--permanent",)):
        ask(where, f"--add-port={port}/tcp", *words)


def command(port: int) -> str:
    """The same, to be typed."""
    add = f"firewall-cmd --zone={zone(outer('ip'))} --add-port={port}/tcp"
    return f"{add} && {add} --permanent"
