"""The texts of a throw-away Postfix, from those that are to be tried. Pure.

Every smtpd service becomes one on a private UNIX socket with the same overrides and
the same chroot flag; nothing listens on a port, nothing delivers. What would reach a
live service, wait, or judge a conversation and not an envelope is put out of action,
and said (facts: POSTFIX.md section 9; smtpd(8), all seen on 3.7.11):

- policy services and address verification are passed over, in lists, in classes, and
  in what tables answer;
- milters, proxy filters, TLS, the proxy protocol and rate limits are off;
- a message would go to a filter that does not exist, and smtpd connects to it after
  the message only, so that an accepted recipient opens no queue file;
- each probe has its own client port, and the port stands in the log.

A name that is assigned twice is written once: Postfix's own log daemon waits for
itself otherwise.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from postfixconf.errors import BadValue
from postfixconf.host.rehearsal.left_out import left_out, passed_over
from postfixconf.host.rehearsal.marking import (
    ASKED,
    Lists,
    classes,
    lists_of,
    marked,
)
from postfixconf.policy.observed import front_services
from postfixconf.policy.probe_service import PROBE_SERVICE
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.services import Service, option_line

__all__ = [
    "SASL",
    "Stage",
    "names_of",
    "services_of",
    "stage",
]

SASL = "private/sasl"
DROPPED = re.compile(r"multi_instance_\w+|alternate_config_directories|debug\w+")
TRACED = "smtpd_log_access_permit_actions"
HELPERS = ("trivial-rewrite", "proxymap")

# Of every smtpd service, after its own overrides.
OVERRIDES = {
    "smtpd_authorized_xclient_hosts": "static:ok",
    "smtpd_client_auth_rate_limit": "0",
    "smtpd_client_connection_count_limit": "0",
    "smtpd_client_connection_rate_limit": "0",
    "smtpd_client_message_rate_limit": "0",
    "smtpd_client_new_tls_session_rate_limit": "0",
    "smtpd_client_port_logging": "yes",
    "smtpd_client_recipient_rate_limit": "0",
    "smtpd_discard_ehlo_keyword_address_maps": "",
    "smtpd_discard_ehlo_keywords": "",
    "smtpd_error_sleep_time": "0",
    "smtpd_hard_error_limit": "1000000",
    "smtpd_junk_command_limit": "1000000",
    "smtpd_milters": "",
    "smtpd_peername_lookup": "no",
    "smtpd_proxy_filter": "unix:mailguard-nowhere",
    "smtpd_proxy_options": "speed_adjust",
    "smtpd_sasl_exceptions_networks": "",
    "smtpd_sasl_path": SASL,
    "smtpd_sasl_security_options": "noanonymous",
    "smtpd_sasl_tls_security_options": "noanonymous",
    "smtpd_sasl_type": "dovecot",
    "smtpd_soft_error_limit": "1000000",
    "smtpd_tls_auth_only": "no",
    "smtpd_tls_security_level": "none",
    "smtpd_tls_wrappermode": "no",
    "smtpd_upstream_proxy_protocol": "",
    "syslog_name": "postfix",
}


@dataclass(frozen=True)
class Stage:
    """What to start: the two texts, and the socket of each service.

    `sockets` are names under `private/` by service (`smtp/inet`), `last` is the name
    that comes after them: master opens one after the other. `front` is the service
    that strangers reach. `left_out` says what is not rehearsed, a clause each.
    """

    main: str
    master: str
    sockets: Mapping[str, str]
    last: str
    front: str
    left_out: tuple[str, ...]
    # Of a traced one: the lists of each service, as they are marked, and whether
    # every rule only says what it would refuse.
    lists: Mapping[str, Lists] = field(default_factory=dict)
    softly: bool = False

    def service(self, name: str) -> str:
        """The service that a probe names: `submission`, `465/inet`, "" for port 25.

        Raises BadValue where master.cf has no such smtpd.
        """
        if not self.has(name):
            raise BadValue(name, f"is none of the services {', '.join(self.sockets)}")
        fitting = (each for each in self.sockets if name in names_of([each]))
        return next(fitting) if name else self.front

    def has(self, name: str) -> bool:
        """Whether there is such a service."""
        return name in self._names

    @cached_property
    def _names(self) -> frozenset[str]:
        return names_of(self.sockets)


def stage(
    main: MainCf,
    master: MasterCf,
    live: Path,
    room: Path,
    usual: Mapping[str, str] | None = None,
    neutral: Callable[[str], str] = str,
    *,
    softly: bool = False,
) -> Stage:
    """The texts to start in `room`, from those of the configuration in `live`.

    `neutral` makes a value name other tables. With `usual`, the lists as main.cf has
    them, every rule leaves a trace, and with `softly` besides none ends it. Raises
    BadValue where master.cf has no smtpd that strangers reach.
    """
    smtpds, fronts = services_of(master), front_services(master)
    if not fronts:
        raise BadValue("master.cf", "has no smtpd that receives mail")
    sockets = {key: f"smtpd{number}" for number, key in enumerate(smtpds)}

    def moved(value: str) -> str:
        return relocated(passed_over(neutral(value)), live, room / "etc")

    def traced(lists: Lists) -> dict[str, str]:
        return {n: moved(marked(n, each, softly=softly)) for n, each in lists.items()}

    lists: dict[str, Lists] = {}
    if usual is not None:
        lists = {key: lists_of(each, main, usual) for key, each in smtpds.items()}
    values = {n: moved(main.get(n) or "") for n in main.names() if not DROPPED.match(n)}
    values |= traced(classes(main) if lists else {}) | settings(room)
    services = []
    for key, each in smtpds.items():
        own = {name: lists[key][name] for name in ASKED} if lists else {}
        services.append(smtpd_on(sockets[key], each, moved, traced(own)))
    asked = list(helpers(master))
    services += [as_it_is(each, moved) for each in asked]
    return Stage(
        "".join(f"{name} = {value}\n" for name, value in values.items()),
        "".join(services),
        sockets,
        asked[-1].name,
        f"{fronts[0].name}/{fronts[0].type}",
        tuple(left_out(main, master)),
        lists,
        softly,
    )


def smtpd_on(
    socket: str,
    service: Service,
    moved: Callable[[str], str],
    traced: Mapping[str, str],
) -> str:
    """An smtpd service on a private socket, with its lists as they are `traced`."""
    own = {**OVERRIDES, **traced, **({TRACED: "static:all"} if traced else {})}
    return (
        f"{socket} unix - - {service.chroot} - - smtpd\n{options(service, moved)}"
        + "".join(option_line(name, value) for name, value in own.items())
    )


def as_it_is(service: Service, moved: Callable[[str], str]) -> str:
    """A service that smtpd asks, under its own name."""
    entry = f"{service.name} unix - - {service.chroot} - - {service.command}\n"
    return entry + options(service, moved)


def services_of(master: MasterCf) -> dict[str, Service]:
    """The smtpd services that are rehearsed, by name and type (`smtp/inet`)."""
    return {
        f"{each.name}/{each.type}": each
        for each in master.services()
        if each.command == "smtpd" and each.name != PROBE_SERVICE
    }


def names_of(services: Iterable[str]) -> frozenset[str]:
    """Every way in which a probe can name one of them, "" for port 25."""
    return frozenset(
        {"", *(name for each in services for name in (each, each.split("/")[0]))}
    )


def settings(room: Path) -> dict[str, str]:
    """What main.cf gets: places of its own, and nothing that leaves the room."""
    return {
        "queue_directory": f"{room}/queue",
        "data_directory": f"{room}/data",
        "maillog_file": f"{room}/log",
        "maillog_file_prefixes": str(room),
        "in_flow_delay": "0",
        "inet_protocols": "all",
        "notify_classes": "",
    }


def helpers(master: MasterCf) -> Iterator[Service]:
    """The services that smtpd asks: each with its own name, the stock ones anyhow."""
    found = [each for each in master.services() if each.command in HELPERS]
    named = {each.name for each in found}
    for name, command in zip(("rewrite", "proxymap"), HELPERS, strict=True):
        if name not in named:
            yield Service(name, "unix", "-", "-", "n", "-", "-", command, ())
    yield from found


def options(service: Service, moved: Callable[[str], str]) -> str:
    """A service's own overrides; a lone brace cannot be quoted and is left out."""
    return "".join(
        option_line(name, moved(value))
        for name, value in service.overrides().items()
        if value.count("{") == value.count("}")
    )


def relocated(value: str, live: Path, room: Path) -> str:
    """A value with the room's configuration directory for the live one."""
    pattern = rf"(?<![\w.$/-]){re.escape(str(live))}(?=/|[\s,;}}\]]|$)"
    return re.sub(pattern, lambda _: str(room), value)
