"""Policies nobody thought of: entries, own domains, modes and foreign main.cf lists.

The foreign lists are real ones, from the corpus, less what cannot run here: other
tables than the sender table, policy services, references, classes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

from postfixconf.errors import BadFile
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.entries import Entry
from postfixconf.policy.names import is_known
from postfixconf.policy.ordering import names_of
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.recorder import Recorder
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import Rule, parse_list
from tests.support.corpus import corpus, text_of
from tests.support.dns import Records

__all__ = [
    "ASKS",
    "CLIENT",
    "HELO",
    "NAME",
    "RELAY",
    "SENDER",
    "WORLD",
    "Wanted",
    "wanted",
]

RELAY = "smtpd_relay_restrictions"
RECIPIENT = "smtpd_recipient_restrictions"
ASKS = "check_sender_access texthash:$config_directory/access"

# Who tries to relay; the entries below fit these more often than not.
CLIENT, NAME = "192.0.2.66", "mx.stranger.example"
HELO, SENDER = "helo.stranger.example", "probe@sender.example"

# What DNS says of them: no check on names hides the relay from us.
WORLD: Records = {
    ("66.2.0.192.in-addr.arpa", "PTR"): [NAME],
    (NAME, "A"): [CLIENT],
    (HELO, "A"): [CLIENT],
    ("sender.example", "MX"): [f"10 {NAME}"],
    ("elsewhere.example", "MX"): [f"10 {NAME}"],
    # An allow list knows the stranger, who may not relay for that.
    ("66.2.0.192.list.dnswl.org", "A"): ["127.0.5.3"],
}

RECORDS = Recorder(RECIPIENT).rule.text

FITTING = (
    "client 192.0.2.66",
    "client 192.0.2.0/24",
    "client 0.0.0.0/1",
    "client 128.0.0.0/1",
    "client_name mx.stranger.example",
    "client_name stranger.example",
    "sender probe@sender.example",
    "sender probe@",
    "sender_domain sender.example",
    "sender_domain practice.test",
    "helo helo.stranger.example",
    "helo stranger.example",
)
OTHER = (
    "client 198.51.100.1",
    "client 2001:db8::/48",
    "client_name other.example",
    "sender boss@other.example",
    "sender_domain other.example",
    "helo other",
)
HAND = (
    "probe@sender.example OK",
    "sender.example permit",
    "sender.example 250",
    "sender.example 550",
    "probe@ RELAY",
    "<> OK",
    "practice.test permit_auth_destination",
    "practice.test OK",
    "probe@ reject_unlisted_recipient, permit",
    "probe@ REJECT,permit",
    "sender.example DUNNO",
    "sender.example REJECT go away",
    "sender.example 550 5.7.1 go away",
    "probe@\u00a0REJECT OK",
)


@dataclass(frozen=True)
class Wanted:
    """One policy, the foreign lists it meets, and the hand-written sender table."""

    lists: Mapping[str, str]
    level: str
    entries: tuple[Entry, ...]
    own: OwnDomains
    modes: Mapping[str, str]
    hand: str
    order: Mapping[str, tuple[str, ...]]
    relays: tuple[str, ...] = ()

    @property
    def main(self) -> str:
        """What it adds to main.cf."""
        level = f"compatibility_level = {self.level}\n" if self.level else ""
        return level + "".join(f"{k} = {v}\n" for k, v in self.lists.items())


@cache
def foreign() -> dict[str, list[tuple[Rule, ...]]]:
    """The lists of the corpus, by parameter, with what can run here."""
    found: dict[str, list[tuple[Rule, ...]]] = {
        name: [()] for name in RESTRICTION_LISTS
    }
    for path in corpus("main.cf"):
        try:
            main = MainCf.parse(text_of(path))
        except BadFile:
            continue
        for name in RESTRICTION_LISTS:
            rules = tuple(r for r in parse_list(main.get(name) or "") if runs(r))
            if rules and rules not in found[name]:
                found[name].append(rules)
    return found


def runs(rule: Rule) -> bool:
    """Whether a foreign rule can run in a test."""
    known = is_known(rule.name, MainCf.parse("")) and rule.key.isidentifier()
    table = rule.key.startswith("check_") and rule.key != "check_sender_access"
    if rule.key == "check_sender_access":
        return bool(re.search(r":/etc/postfix/access$", rule.argument or ""))
    away = ("reject_unverified", "permit_dnswl", "permit_rhswl", "permit_tls", "sleep")
    return known and not table and not rule.key.startswith(away)


def wanted(seed: int) -> Wanted:
    """A policy and what it meets, the same for the same seed."""
    dice = Random(seed)
    sides = ("allow", "allow", "deny")
    lines = some(dice, FITTING + OTHER, 6)
    entries = [Entry.read(dice.choice(sides), *line.split()) for line in lines]
    share = dice.random()  # of the controls, so that bare lists occur as well
    modes = {
        each.key: dice.choice(each.modes).value
        for each in CONTROLS
        if not each.sends and dice.random() < share
    }
    domains = dice.choice([(), ("practice.test",), ("sender.example",)])
    excepted = dice.choice([(), ("192.0.2.66",), ("192.0.2.0/24",)])
    lists = lists_met(dice)
    return Wanted(
        lists,
        dice.choice(["", "2", "3.6"]),
        tuple(entries),
        OwnDomains(domains, excepted),
        modes,
        "".join(f"{line}\n" for line in some(dice, HAND, 2)),
        order_of(dice, lists, modes),
        dice.choice([(), ("192.0.2.66",), ("192.0.2.0/24", "2001:db8::/32")]),
    )


def order_of(
    dice: Random, lists: Mapping[str, str], modes: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """An order of half of the lists, of all that may stand there."""
    found = {}
    for name in RESTRICTION_LISTS:
        names = [*names_of(parse_list(lists.get(name, ""))), *modes]
        dice.shuffle(names)
        if flip(dice):
            found[name] = tuple(names)
    return found


def lists_met(dice: Random) -> dict[str, str]:
    """Foreign lists; the sender table, and the recorder, in every fourth of them."""
    lists = {}
    for name, known in foreign().items():
        often = name in (RELAY, RECIPIENT) or flip(dice)
        rules = dice.choice(known) if often else ()
        texts = [ASKS if r.key == "check_sender_access" else r.text for r in rules]
        for extra in (ASKS, RECORDS):
            if dice.randrange(4) == 0:
                texts.insert(dice.randint(0, len(texts)), extra)
        if texts:
            lists[name] = ", ".join(texts)
    if flip(dice):
        lists[RELAY] = ""
    return lists


def flip(dice: Random) -> bool:
    """Heads or tails."""
    return dice.random() < 0.5


def some(dice: Random, lines: tuple[str, ...], most: int) -> list[str]:
    """None of these lines, or up to so many of them."""
    return dice.sample(lines, dice.randint(0, most))
