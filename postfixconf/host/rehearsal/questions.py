"""What every change is asked: who tries what, from a server's own facts.

Addresses as literals need no DNS and pass the checks for full and existing names, so
that the rules behind those are reached.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
RELAYED = ("relay_domains",)
ASKED_FOR = (*LOCAL, *RELAYED, "myhostname", "mynetworks", "inet_interfaces")
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
    name = values["myhostname"]
    domain = first_domain(values, LOCAL) or name
    literal = f"postmaster@[{own_address(values)}]"
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
    ours = dict.fromkeys((domain, name, first_domain(values, RELAYED) or name))
    return Questions(people, tuple(relays(tuple(ours), name, master)))


def relays(ours: Sequence[str], name: str, master: MasterCf) -> Iterator[Probe]:
    """Every classic way to relay, from a stranger, on what strangers reach.

    `ours` are domains that mail is taken for, `name` is the server's own.
    """
    forms = [f"user@{OUTSIDE}", LITERAL, f"{OUTSIDE}!user", f"user%{OUTSIDE}"]
    for local in ours:
        forms += [
            f"user%{OUTSIDE}@{local}",
            f"@{local}:user@{OUTSIDE}",
            f"{OUTSIDE}!user@{local}",
            f'"user@{OUTSIDE}"@{local}',
            f"user@{OUTSIDE}@{local}",
        ]
    for sender in ("", f"postmaster@{ours[0]}", f"user@{OUTSIDE}"):
        for form in forms:
            yield Probe(STRANGER, HELO, sender, form, NAME)
    for local in ours:  # who greets with a name of ours
        yield Probe(STRANGER, local, "", LITERAL, NAME)
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


def first_domain(values: Mapping[str, str], names: Iterable[str]) -> str:
    """A domain that one of these parameters names; "" where none is plain."""
    for name in names:
        for word in values[name].replace(",", " ").split():
            if "." in word and not set(word) & set("/:$"):
                return word
    return ""


def trusted_address(networks: str) -> str:
    """A client address that may relay; "" where none is written plainly."""
    for word in networks.replace(",", " ").split():
        try:
            network = ipaddress.ip_network(word.replace("[", "").replace("]", ""))
        except ValueError:
            continue
        return str(network[min(1, network.num_addresses - 1)])
    return ""
