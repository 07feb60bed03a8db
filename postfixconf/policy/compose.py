"""Policy + main.cf as adopted → main.cf as wanted. Pure, and minimal.

A control whose mode is already what the policy wants is not touched: it keeps
its place and spelling. One that changes is edited where it stands, in every
list it stands in; only a control that stands nowhere is inserted, at the
catalogue's place. Composing always starts from the adopted text, so switching
a control off again gives back the adopted bytes.
"""

from dataclasses import replace

from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Control, Mode, Restriction, Stop, Switch
from postfixconf.policy.found import Found, switch_is_on
from postfixconf.policy.observed import Facts, effective
from postfixconf.policy.placing import AFTER, PERMITS, permits_before, position
from postfixconf.policy.policy import Policy
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import Rule, parse_list

__all__ = ["compose"]


def compose(
    main: MainCf, found: dict[str, Found], policy: Policy, facts: Facts
) -> MainCf:
    """The adopted `main` with every control in the mode that `policy` wants.

    `found` is what `main` has (`found.find`). A control that cannot be switched
    here is left alone whatever the policy says. The catalogue's order decides, so
    equal policies give equal bytes.
    """
    for each in CONTROLS:
        before = found[each.key]
        mode = policy.modes.get(each.key, before.mode)
        if mode == before.mode or not before.switchable:
            continue
        if isinstance(each.place, Stop):
            continue  # `lookups.weave` does it
        if isinstance(each.place, Switch):
            main = _flip(main, each.place, mode, facts)
        elif before.mode is Mode.OFF:
            main = _insert(main, each, each.place, mode, facts)
        else:
            for name in before.places:
                main = _change(main, name, each.place, mode, facts)
    return main


def _flip(main: MainCf, switch: Switch, mode: Mode, facts: Facts) -> MainCf:
    """Write the switch, or take its line out where the default says the same."""
    if mode is Mode.ON:
        return main.set(switch.parameter, switch.on)
    if switch_is_on(facts.defaults[switch.parameter]):
        return main.set(switch.parameter, "no")
    return main.remove(switch.parameter)


def _change(
    main: MainCf, name: str, place: Restriction, mode: Mode, facts: Facts
) -> MainCf:
    """Take the rule out of one list, or give it the mode where it stands."""
    rules = parse_list(effective(main, facts, name))
    if mode is Mode.OFF:
        rest = tuple(rule for rule in rules if not place.matches(rule))
        return _without(main, name, rest)
    warn = mode is Mode.TEST
    changed = tuple(
        _modern(rule, place, warn=warn) if place.matches(rule) else rule
        for rule in rules
    )
    return main.set_rules(name, changed)


def _without(main: MainCf, name: str, rest: tuple[Rule, ...]) -> MainCf:
    """Write what is left, or no list at all where only our permits are left."""
    if set(rest) <= set(PERMITS):
        return main.remove(name)
    return main.set_rules(name, rest)


def _modern(rule: Rule, place: Restriction, *, warn: bool) -> Rule:
    """The rule in the modern spelling; a blocklist keeps its own codes."""
    ours = place.rule(warn=warn)
    if rule.argument is not None and "=" in rule.argument:
        return replace(ours, argument=rule.argument)
    return ours


def _insert(
    main: MainCf, control: Control, place: Restriction, mode: Mode, facts: Facts
) -> MainCf:
    """Put a rule that stands nowhere into its list, behind the permits."""
    name = place.parameter
    rules = parse_list(effective(main, facts, name))
    at = position(rules, place.rank)
    if not set(PERMITS) <= set(rules[:at]):
        at = position(rules, AFTER)
    block = (
        *permits_before(main, facts, name, rules, at),
        place.rule(warn=mode is Mode.TEST),
    )
    return main.set_rules(name, (*rules[:at], *block, *rules[at:]))
