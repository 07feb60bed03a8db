"""What every change is asked: who tries what, from a server's own facts.

Addresses as literals need no DNS and pass the checks for full and existing names, so
that the rules behind those are reached.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from postfixconf.host.conversation import NAME
from postfixconf.policy.probes import Probe
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.services import Service

__all__ = ["ASKED_FOR", "LITERAL", "NAMED", "Questions", "questions"]

STRANGER = "192.0.2.66"  # TEST-NET-1: nobody's address (RFC 5737)
HELO = f"[{STRANGER}]"
OUTSIDE = "elsewhere.invalid"
LITERAL = "user@[192.0.2.1]"
USER = "mailguard-probe"
LOCAL = ("mydestination", "virtual_mailbox_domains", "virtual_alias_domains")
# Parameters whose values the questions are made from.
ASKED_FOR = (*LOCAL, "myhostname", "mynetworks", "inet_interfaces")
# Goes the way of ordinary mail, with a name that no DNS knows: who checks names may
# refuse it, but Postfix has to work.
NAMED = "a stranger with a name"
LOOPBACK = ("127.", "[::1]:", "::1:", "localhost:")


@dataclass(frozen=True)
class Questions:
    """Probes by who asks, and every attempt to relay."""

    people: Mapping[str, Probe]
    relays: tuple[Probe, ...]


def questions(
    values: Mapping[str, str], main: MainCf, master: MasterCf, *, sends: bool
) -> Questions:
    """What to ask a configuration; `values` are those of ASKED_FOR, `$` expanded.

    `sends` says whether the server sends mail to others for its own people.
    """
    domain, literal = local_domain(values), f"postmaster@[{own_address(values)}]"
    own = f"postmaster@{domain}"
    away = LITERAL if sends else own
    people = {
        "a stranger": Probe(STRANGER, HELO, "", literal, NAME),
        NAMED: Probe(STRANGER, NAME, f"probe@{NAME}", own, NAME),
        "a bounce": Probe(STRANGER, HELO, "", own, NAME),
        "mail to the postmaster": Probe(STRANGER, HELO, "", "postmaster", NAME),
    }
    if trusted := trusted_address(values["mynetworks"]):
        people["a trusted client"] = Probe(trusted, HELO, own, away)
    for service in with_auth(main, master):
        who = f"somebody who signs in on {service}"
        people[who] = Probe(
            STRANGER, HELO, own, away, sasl_username=USER, service=service
        )
    return Questions(people, tuple(relays(domain, values["myhostname"], master)))


def relays(domain: str, name: str, master: MasterCf) -> Iterator[Probe]:
    """Every classic way to relay, from a stranger, on what strangers reach."""
    ours = dict.fromkeys((domain, name))
    forms = [f"user@{OUTSIDE}", LITERAL, f"{OUTSIDE}!user", f"user%{OUTSIDE}"]
    for local in ours:
        forms += [
            f"user%{OUTSIDE}@{local}",
            f"@{local}:user@{OUTSIDE}",
            f"{OUTSIDE}!user@{local}",
            f'"user@{OUTSIDE}"@{local}',
            f"user@{OUTSIDE}@{local}",
        ]
    for sender in ("", f"postmaster@{domain}", f"user@{OUTSIDE}"):
        for form in forms:
            yield Probe(STRANGER, HELO, sender, form, NAME)
    for service in reached(master):
        for form in (f"user@{OUTSIDE}", LITERAL, f"user%{OUTSIDE}@{name}"):
            yield Probe(STRANGER, HELO, "", form, NAME, service=service)


def reached(master: MasterCf) -> Iterator[str]:
    """The smtpd services that somebody else than this machine can reach."""
    for each in master.services():
        away = each.type == "inet" and not each.name.startswith(LOOPBACK)
        if each.command == "smtpd" and away:
            yield f"{each.name}/{each.type}"


def with_auth(main: MainCf, master: MasterCf) -> Iterator[str]:
    """The services on which one can sign in."""
    usual = main.get("smtpd_sasl_auth_enable") or "no"
    for each in master.services():
        value = each.overrides().get("smtpd_sasl_auth_enable", usual)
        if is_smtpd(each) and value.strip().lower() == "yes":
            yield f"{each.name}/{each.type}"


def is_smtpd(service: Service) -> bool:
    """Whether people can talk to a service, directly or behind postscreen."""
    return service.command == "smtpd" and service.type in ("inet", "pass")


def own_address(values: Mapping[str, str]) -> str:
    """An address that Postfix takes for its own: mail to it is local."""
    for word in values["inet_interfaces"].replace(",", " ").split():
        if word.replace(".", "").isdigit() and word.count(".") == 3:
            return word
    return "127.0.0.1"


def local_domain(values: Mapping[str, str]) -> str:
    """A domain this server takes mail for; its host name where none is plain."""
    for name in LOCAL:
        for word in values[name].replace(",", " ").split():
            if "." in word and not set(word) & set("/:$"):
                return word
    return values["myhostname"]


def trusted_address(networks: str) -> str:
    """A client address that may relay; "" where none is written plainly."""
    for word in networks.replace(",", " ").split():
        try:
            network = ipaddress.ip_network(word.replace("[", "").replace("]", ""))
        except ValueError:
            continue
        return str(network[min(1, network.num_addresses - 1)])
    return ""
