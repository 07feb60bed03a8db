"""Relays in front: backup MX and filter services, whose mail is others' mail.

Whatever looks at the client looks at the relay there, and not at who sent the mail. So
the table of relays is the first that a list asks, and answers with what ends the list
for mail to this server: `permit_auth_destination`. Where rules behind it judge the
sender's or the recipient's address alone, it answers with a restriction class that
asks those first:

    mailguard_relays_recipient =
        reject_non_fqdn_sender, reject_non_fqdn_recipient, permit_auth_destination

Nothing of it stands in the relay list, and a class permits nothing else: a relay in
front may not relay. A table written by hand might answer OK, so relay protection
stands before it in the class, and the permits before that.

What a relay passes without being asked: everything else, that is checks of the client,
its name and greeting, lists in the DNS that are asked about these, policy services
(greylisting, SPF), classes and `$name` written by hand, the word that ends a list.
"""

from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from postfixconf.policy.entries import ALLOW
from postfixconf.policy.names import modern
from postfixconf.policy.ranks import PERMITS
from postfixconf.policy.restriction_lists import RECIPIENT, RESTRICTION_LISTS, SENDER
from postfixconf.text.rules import Rule

__all__ = ["RELAYS", "RELAY_TABLES", "asks_relays", "class_of", "kept", "relay_lines"]

RELAYS = "mailguard/relays_"  # and the list's name; from the configuration directory
CHECK = "check_client_access"
PROTECTION = Rule("reject_unauth_destination")
# What judges the addresses of the envelope, and permits nothing.
OF_ADDRESSES = frozenset(
    """
    reject_multi_recipient_bounce reject_non_fqdn_recipient reject_non_fqdn_sender
    reject_rhsbl_recipient reject_rhsbl_sender reject_unknown_recipient_domain
    reject_unknown_sender_domain reject_unlisted_recipient reject_unlisted_sender
    reject_unverified_recipient reject_unverified_sender
    """.split()
)
TABLES = ("check_sender_", "check_recipient_")


def short(name: str) -> str:
    """`recipient` for `smtpd_recipient_restrictions`."""
    return name.removeprefix("smtpd_").removesuffix("_restrictions")


def class_of(name: str) -> str:
    """The restriction class of a list."""
    return f"mailguard_relays_{short(name)}"


RELAY_TABLES = {name: f"{RELAYS}{short(name)}" for name in RESTRICTION_LISTS}


def asks_relays(name: str) -> Rule:
    """The rule that asks for relays in a list."""
    return Rule(CHECK, f"cidr:$config_directory/{RELAY_TABLES[name]}")


def kept(rules: Sequence[Rule], name: str) -> tuple[Rule, ...]:
    """What a list still asks about mail of a relay; empty where it asks for none.

    `rules` are those behind the rule that asks for relays.
    """
    found = [r for r in rules if r in PERMITS or of_addresses(r, name)]
    if all(rule in PERMITS for rule in found):
        return ()
    at = next((n for n, rule in enumerate(found) if is_table(rule, name)), None)
    if name == RECIPIENT and at is not None:
        missing = [each for each in PERMITS if each not in found[:at]]
        found[at:at] = [*missing, PROTECTION]
    return (*found, Rule(ALLOW))


def of_addresses(rule: Rule, name: str) -> bool:
    """Whether a rule judges nothing but the sender's or the recipient's address."""
    return modern(rule.key) in OF_ADDRESSES or is_table(rule, name)


def is_table(rule: Rule, name: str) -> bool:
    """Whether a rule asks a table about one of the addresses."""
    bare = ":" in rule.name and name in (SENDER, RECIPIENT)
    return bare or (rule.key.startswith(TABLES) and rule.key.endswith("_access"))


def relay_lines(relays: Sequence[str], answer: str) -> Iterator[str]:
    """The lines of a list's table, the longest prefix first."""
    networks = [ip_network(each) for each in relays]
    for each in sorted(networks, key=lambda x: (x.version, -x.prefixlen, str(x))):
        yield f"{each} {answer}\n"
