"""Greylisting: how postgrey is set, and the rule by which Postfix asks it.

An unknown client, sender and recipient are put off for some minutes; who comes back
is let in. The rule is the last of the recipient list:

    check_policy_service { inet:127.0.0.1:10023, timeout=5s, try_limit=1,
        default_action=DUNNO }

so that mail flows when postgrey is down: 0.01 s a recipient where nothing listens, 5 s
once where it hangs (seen on 3.7.11). The braces are understood from Postfix 3.0 on.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from postfixconf.errors import BadPolicy
from postfixconf.text.postgrey_options import Options
from postfixconf.text.rules import Rule

__all__ = [
    "GREYLISTING",
    "NAMES",
    "Greylist",
    "Greylisting",
    "address",
    "asked",
    "asks",
    "is_local",
    "is_same",
]

GREYLISTING = "greylisting"  # the key of its control
CHECK = "check_policy_service"
CARE = "timeout=5s, try_limit=1, default_action=DUNNO"
# Where postgrey listens: on Debian, on Arch, on Debian before 2009.
USUAL_PORTS = ("10023", "10030", "60000")
LOOPBACK = re.compile(r"(localhost|127\.[\d.]+|\[?::1\]?)?")
LONGEST_TEXT = 200
LONGEST_DELAY = 24 * 3600  # seconds
DAY = 24  # hours


@dataclass(frozen=True)
class Greylist:
    """Its place: behind everything else in a restriction list.

    `service` is how postgrey is reached on this server, `inet:127.0.0.1:10023`, empty
    where that is not known.
    """

    parameter: str
    rank: int
    service: str = ""

    def on(self, service: str) -> "Greylist":
        """The place on a server whose postgrey is reached like this."""
        return replace(self, service=service)

    def rule(self, *, warn: bool) -> Rule:
        """The rule as mailguard writes it."""
        return Rule(CHECK, f"{{ {self.service}, {CARE} }}", warn)

    def modern(self, rule: Rule, *, warn: bool) -> Rule:
        """A rule that was found, with this mode and in its own spelling."""
        return replace(rule, warn=warn)

    def matches(self, rule: Rule) -> bool:
        """Whether a rule found in a file asks postgrey, in any spelling."""
        if rule.key != CHECK or not rule.argument:
            return False
        kind, place = normal(asked(rule.argument))
        ours = rule.argument.endswith(f", {CARE} }}")
        usual = kind == "inet" and place in USUAL_PORTS
        known = bool(self.service) and asks(rule, self.service)
        return ours or usual or known or "postgrey" in place.lower()


def asks(rule: Rule, service: str) -> bool:
    """Whether a rule asks this very service."""
    if rule.key != CHECK or not rule.argument:
        return False
    return is_same(asked(rule.argument), service)


def is_same(one: str, other: str) -> bool:
    """Whether two spellings name one service."""
    return same(normal(one), normal(other))


def asked(argument: str) -> str:
    """The service in the argument of a rule, with its attributes or without."""
    if not argument.startswith("{"):
        return argument
    return re.split(r"[,\s]+", argument.strip("{} \t\r\n"), maxsplit=1)[0]


def normal(service: str) -> tuple[str, str]:
    """Kind and place; of a port on loopback, the port alone."""
    kind, _, place = service.partition(":")
    if kind != "inet":
        return kind, place
    host, _, port = place.rpartition(":")
    return kind, port if LOOPBACK.fullmatch(host) else place


def is_local(service: str) -> bool:
    """Whether a service is on this machine: a socket, or a port on loopback."""
    kind, place = normal(service)
    return kind == "unix" or place.isdigit()


def same(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two services are one; a socket may be named from the queue directory."""
    if one == other or one[0] != other[0] or one[0] != "unix":
        return one == other
    longer, shorter = sorted((one[1], other[1]), key=len, reverse=True)
    return longer.endswith(f"/{shorter.lstrip('/')}")


def address(options: Options, queue_directory: str) -> str:
    """How Postfix reaches the postgrey with these options; "" where none says.

    A socket below the queue directory is named from there, so that it is found from
    within a chroot too.
    """
    inet, unix = options.get("inet"), options.get("unix")
    if inet is None and unix is None and options.convention.listens:
        unix = options.convention.listens.partition("=")[2]
    if inet is not None:
        host, _, port = inet.rpartition(":")
        host = "127.0.0.1" if LOOPBACK.fullmatch(host) else host
        return f"inet:{host}:{port}"
    if not unix:
        return ""
    inside = unix.removeprefix(queue_directory.rstrip("/") + "/")
    return f"unix:{inside}"


@dataclass(frozen=True)
class Greylisting:
    """How postgrey is set; what is not given has postgrey's own default (postgrey(8)).

    `delay` is in seconds: who comes back sooner is put off again. `retry_window` is in
    hours: who comes back for the first time later begins anew. `max_age` is in days:
    who has not been seen for so long is forgotten. `auto_whitelist` is after how many
    mails a client waits no more (one an hour counts, 0 is never). `by_host` takes each
    client address for itself; otherwise `ipv4` and `ipv6` are the bits of the network
    that counts as one client. `text` is what a sender reads, "" for the installation's.
    """

    delay: int = 300
    retry_window: int = 48
    max_age: int = 35
    auto_whitelist: int = 5
    by_host: bool = False
    ipv4: int = 24
    ipv6: int = 64
    text: str = ""

    def __post_init__(self) -> None:
        for name, (lowest, highest) in LIMITS.items():
            value = getattr(self, name)
            if type(value) is not int or not lowest <= value <= highest:
                raise BadPolicy(str(value), f"{name}: from {lowest} to {highest}")
        if self.delay >= self.retry_window * 3600:
            raise BadPolicy(
                str(self.delay), "the delay has to be shorter than the retry window"
            )
        if not re.fullmatch(r"[ !#%&(-\[\]-_a-~]*", self.text, re.ASCII):
            raise BadPolicy(self.text, "a text has no quotes, $, ` or \\ in it")
        if len(self.text) > LONGEST_TEXT or self.text != self.text.strip():
            raise BadPolicy(self.text, f"a text has at most {LONGEST_TEXT} letters")

    @classmethod
    def of(cls, options: Options) -> Self:
        """As the options file says. Raises BadPolicy for what postgrey cannot mean."""
        told: dict[str, Any] = {"by_host": options.get("lookup-by-host") is not None}
        told["text"] = options.text or ""
        for name, option in NUMBERS.items():
            value = options.get(option)
            if value is not None:
                told[name] = READ.get(name, number)(value)
        # Of a zero postgrey takes its default, but where that means never.
        told = {k: v for k, v in told.items() if v or k in ("auto_whitelist", "text")}
        return cls(**told)

    def written(self, options: Options) -> Options:
        """The options file with these settings; what says so already stays."""
        now = Greylisting.of(options)
        for name, option in NUMBERS.items():
            value = getattr(self, name)
            if value != getattr(now, name):
                options = options.with_value(option, WRITE.get(name, str)(value))
        if self.by_host and not now.by_host:
            options = options.with_value("lookup-by-host", "")
        elif now.by_host and not self.by_host:
            options = options.without("lookup-by-host")
        return (
            options if self.text == now.text else options.with_text(self.text or None)
        )

    def told(self, name: str) -> str:
        """One setting as text, by its name in the history."""
        value = getattr(self, NAMES[name])
        return str(value) if not isinstance(value, bool) else ("no", "yes")[value]

    def with_one(self, name: str, text: str) -> "Greylisting":
        """The same with one setting from text. Raises BadPolicy, which quotes it."""
        if name not in NAMES:
            raise BadPolicy(name, "no such setting of greylisting")
        field = NAMES[name]
        if field == "text":
            return replace(self, text=text)
        if field != "by_host":
            numbers: dict[str, Any] = {field: number(text)}
            return replace(self, **numbers)
        if text not in ("yes", "no"):
            raise BadPolicy(text, f"{name}: yes or no")
        return replace(self, by_host=text == "yes")

    @classmethod
    def from_json(cls, told: Mapping[str, Any] | None) -> Self:
        """What `as_json` told; the defaults for a policy of before there was any."""
        return cls(**(told or {}))

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return asdict(self)


def number(text: str) -> int:
    """A whole number. Raises BadPolicy, which quotes anything else."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise BadPolicy(text, "not a whole number")
    return int(text)


def hours(text: str) -> int:
    """A retry window as postgrey reads it: days, or hours with an h."""
    return number(text[:-1]) if text[-1:] in ("h", "H") else number(text) * DAY


def days_or_hours(value: int) -> str:
    """A retry window as postgrey reads it."""
    return f"{value}h" if value % DAY else str(value // DAY)


LIMITS = {
    "delay": (1, LONGEST_DELAY),
    "retry_window": (1, 90 * DAY),
    "max_age": (1, 3650),
    "auto_whitelist": (0, 10_000),
    "ipv4": (8, 32),
    "ipv6": (16, 128),
}
NUMBERS = {
    "delay": "delay",
    "retry_window": "retry-window",
    "max_age": "max-age",
    "auto_whitelist": "auto-whitelist-clients",
    "ipv4": "ipv4cidr",
    "ipv6": "ipv6cidr",
}
READ: dict[str, Callable[[str], int]] = {
    "retry_window": hours,
    # Given without a number it is the default.
    "auto_whitelist": lambda text: number(text) if text else 5,
}
WRITE: dict[str, Callable[[int], str]] = {"retry_window": days_or_hours}
# What a setting is called in the history, and its field.
NAMES = {each.name.replace("_", "-"): each.name for each in fields(Greylisting)}
