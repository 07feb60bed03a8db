"""The order of our rules in a list, and the edit of main.cf that brings it about.

An order names what stands in a list from top to bottom: our rules by the key of their
control, and between them what mailguard does not manage, by its first word. Only our
rules ever move. The rest keeps its place and its bytes, so an order can neither take
relay protection away nor change what a hand-written rule follows.

Whatever an order says, no rule of ours gets before the permits or our lookups of
entries, and none behind a last word. One that was found there may stay, and moves
only the better way. A list that cannot be taken apart (`warn_if_reject` with nothing
behind it) stays as it is.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from postfixconf.errors import BadValue
from postfixconf.policy.asking import reads_access
from postfixconf.policy.control import Control, Restriction
from postfixconf.policy.controls import STATIC, Controls
from postfixconf.policy.lookups import ours
from postfixconf.policy.observed import Facts, effective
from postfixconf.policy.ranks import PERMITS, position
from postfixconf.policy.relay import RELAY_LISTS, unfolded
from postfixconf.policy.restriction_lists import (
    CLIENT,
    DATA,
    END_OF_DATA,
    ETRN,
    HELO,
    RECIPIENT,
    RELAY,
    SENDER,
)
from postfixconf.text.layout import common
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import Rule, parse_list

__all__ = ["CHECKS", "LAST", "SPARING", "Listing", "arrange", "key_of", "names_of"]

# Every list, and what it does in words.
CHECKS = {
    CLIENT: "client checks",
    HELO: "greeting checks",
    SENDER: "sender checks",
    RELAY: "relay checks",
    RECIPIENT: "recipient checks",
    DATA: "checks before the message",
    END_OF_DATA: "checks after the message",
    ETRN: "checks of ETRN",
}

OTHER = "other"  # stands for what has no plain first word: a table, a reference
PLAIN = re.compile(r"[a-z0-9_]+")
SPARING = frozenset(rule.key for rule in PERMITS)
LAST = frozenset({"reject", "defer", "permit"})
# Between them every recipient has its answer.
BOTH = frozenset({"permit_auth_destination", "reject_unauth_destination"})


def control_of(rule: Rule, controls: Controls = STATIC) -> Control | None:
    """Which of these controls a rule is; None for what mailguard does not manage."""
    return controls.restriction_of(rule)


def key_of(rule: Rule, controls: Controls = STATIC) -> str | None:
    """The key of the control that a rule is, None for all others."""
    found = control_of(rule, controls)
    return found.key if found else None


def name_of(rule: Rule, controls: Controls) -> str | None:
    """A rule as an order names it; None for our lookups, which come and go."""
    if ours(rule):
        return None
    plain = rule.key if PLAIN.fullmatch(rule.key) else OTHER
    return key_of(rule, controls) or plain


def names_of(rules: Iterable[Rule], controls: Controls = STATIC) -> tuple[str, ...]:
    """A list as an order names it.

    >>> names_of(parse_list("permit_mynetworks, hash:/x, Reject_Non_FQDN_Sender"))
    ('permit_mynetworks', 'other', 'reject_non_fqdn_sender')
    """
    names = (name_of(rule, controls) for rule in rules)
    return tuple(name for name in names if name is not None)


@dataclass(frozen=True)
class Ours:
    """A rule that can be moved: which of them, and how many fixed ones before it."""

    at: int
    key: str
    gap: int
    rule: Rule


@dataclass(frozen=True)
class Listing:
    """One restriction list, taken apart into what is fixed and what can be moved.

    `guards` are those of the fixed rules that spare somebody what stands behind them:
    the permits, and lookups of entries. `last` is how many of the `fixed` rules are
    reached: the one behind them has the last word.
    """

    name: str
    rules: tuple[Rule, ...]
    fixed: tuple[Rule, ...]
    movable: tuple[Ours, ...]
    guards: frozenset[Rule]
    last: int
    controls: Controls = STATIC

    @classmethod
    def of(
        cls,
        main: MainCf,
        facts: Facts,
        name: str,
        controls: Controls = STATIC,
    ) -> "Listing":
        """The list as it stands in a main.cf; ours are the rules of `controls`."""
        rules = parse_list(effective(main, facts, name))
        fixed: list[Rule] = []
        movable: list[Ours] = []
        for rule in rules:
            if (key := key_of(rule, controls)) is None:
                fixed.append(rule)
            else:
                movable.append(Ours(len(movable), key, len(fixed), rule))
        guards = frozenset(rule for rule in fixed if guarding(rule, facts))
        last = reached(main, name, fixed)
        ours_of, fixed_of = tuple(movable), tuple(fixed)
        return cls(name, rules, fixed_of, ours_of, guards, last, controls)

    @property
    def firm(self) -> bool:
        """Whether each rule means the same wherever it stands."""
        behind = Rule("dunno")
        return all(
            parse_list(f"{rule.text}, dunno") == (rule, behind) for rule in self.rules
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The list as an order names it."""
        return self.named(self.rules)

    def named(self, rules: Iterable[Rule]) -> tuple[str, ...]:
        """Other rules in its words."""
        return names_of(rules, self.controls)

    def control_of(self, rule: Rule) -> Control | None:
        """Which control one of its rules is; None for what is not ours."""
        return control_of(rule, self.controls)

    def key_of(self, rule: Rule) -> str | None:
        """The key of that control."""
        return key_of(rule, self.controls)

    @property
    def first(self) -> int:
        """How many of the fixed rules have to stand before ours."""
        return self.past_guards(self.fixed)

    def past_guards(self, rules: Sequence[Rule]) -> int:
        """How many rules there are up to the last that has to stand before ours."""
        return (
            max(
                (at for at, rule in enumerate(rules) if rule in self.guards), default=-1
            )
            + 1
        )

    def bounds(self, each: Ours) -> tuple[int, int]:
        """Behind how few, and how many, of the fixed rules one of ours may stand."""
        return min(self.first, each.gap), max(self.last, each.gap)

    def arranged(self, order: Sequence[str]) -> tuple[Rule, ...]:
        """The rules in this order, as far as that is allowed."""
        made: list[Rule] = []
        for at, gap in enumerate(self.gaps(order)):
            made += [each.rule for each in gap]
            made += self.fixed[at : at + 1]
        return tuple(made)

    def follows(self, order: Sequence[str]) -> bool:
        """Whether the rules stand in this order already."""
        return self.arranged(order) == self.rules

    def staying(self, order: Sequence[str]) -> tuple[Rule, ...]:
        """The rules that do not have to be taken out for it: as many as can be."""
        made: list[Rule] = []
        for at, gap in enumerate(self.gaps(order)):
            old = [each for each in self.movable if each.gap == at]
            made += [old[i].rule for i, _ in common(old, gap)]
            made += self.fixed[at : at + 1]
        return tuple(made)

    def gaps(self, order: Sequence[str]) -> list[list[Ours]]:
        """Ours in this order, by how many of the fixed rules stand before."""
        named = self.placed(order) if self.firm else {}
        gaps: list[list[Ours]] = [[] for _ in range(len(self.fixed) + 1)]
        for each, gap in named.items():
            gaps[gap].append(each)
        for each in self.movable:
            if each not in named:  # it came later: behind what it was put behind
                gap_of = gaps[each.gap]
                known = [x for x in reversed(self.movable[: each.at]) if x in gap_of]
                at = gap_of.index(known[0]) + 1 if known else 0
                gap_of.insert(at, each)
        return gaps

    def placed(self, order: Sequence[str]) -> dict[Ours, int]:
        """Each of ours that an order names, in turn, and the fixed rules before it.

        They stay as near to where they are as the order lets them.
        """
        keys = {each.key for each in self.movable}
        anchors = [at for at, name in enumerate(order) if name not in keys]
        fixed = [name_of(rule, self.controls) for rule in self.fixed]
        met = common([order[at] for at in anchors], fixed)
        pairs = [(anchors[i], j) for i, j in met]
        found: dict[Ours, int] = {}
        least = 0
        for each in sorted(self.movable, key=lambda each: turn(order, each)):
            at = turn(order, each)
            if at == len(order):
                break
            low = max((j + 1 for i, j in pairs if i < at), default=0)
            high = min((j for i, j in pairs if i > at), default=len(self.fixed))
            least = max(least, min(max(each.gap, low), high))
            start, end = self.bounds(each)
            found[each] = min(max(least, start), end)
        return found

    def recommended(self) -> tuple[str, ...]:
        """The order by rank: cheap and certain first, what asks the DNS later."""
        rules = self.fixed
        for control in self.controls.every:
            mine = [each.rule for each in self.movable if each.key == control.key]
            if mine and isinstance(control.place, Restriction):
                at = max(
                    position(rules, control.place.rank, self.controls),
                    self.past_guards(rules),
                )
                rules = (*rules[:at], *mine, *rules[at:])
        return self.named(rules)


def turn(order: Sequence[str], each: Ours) -> int:
    """When an order names a rule; last where it does not."""
    return order.index(each.key) if each.key in order else len(order)


def guarding(rule: Rule, facts: Facts) -> bool:
    """Whether a rule spares somebody what stands behind it, and has to come first."""
    entries = rule.key == "check_sender_access" and reads_access(rule, facts)
    return rule.key in SPARING or ours(rule) or entries


def reached(main: MainCf, name: str, rules: Sequence[Rule]) -> int:
    """How many rules of a list are reached before one that has the last word."""
    asked: set[str] = set()
    for at, each in enumerate(rules):
        for rule in unfolded(main, each.text):
            asked |= {rule.key} & BOTH if not rule.warn else set()
            ends = rule.key == "permit" or (rule.key in LAST and not rule.warn)
            if ends or (asked == BOTH and name in RELAY_LISTS):
                return at
    return len(rules)


def arrange(
    main: MainCf,
    order: Mapping[str, Sequence[str]],
    facts: Facts,
    controls: Controls = STATIC,
) -> MainCf:
    """`main` with our rules in these orders, by list; a list that is absent stays so.

    Everything that stays keeps its bytes: what moves is taken out and put in again.
    """
    for name, wanted in sorted(order.items()):
        if main.get(name) is None:
            continue
        listing = Listing.of(main, facts, name, controls)
        if not listing.follows(wanted):
            with suppress(BadValue):  # a file that cannot be edited there
                left = main.set_rules(name, listing.staying(wanted))
                main = left.set_rules(name, listing.arranged(wanted))
    return main
