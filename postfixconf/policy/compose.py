"""Policy + main.cf as adopted → main.cf as wanted. Pure, and minimal.

A control whose mode is already what the policy wants is not touched: it keeps
its place and spelling, but for return codes that a list is to get. One that changes
is edited where it stands, in every list it stands in; only a control that stands
nowhere is inserted, at the catalogue's place, the recorder before everything.
Composing always starts from the adopted text, so switching a control off again gives
back the adopted bytes.
"""

from collections.abc import Mapping
from dataclasses import replace

from postfixconf.policy.control import Control, Mode, Place, Restriction, Stop, Switch
from postfixconf.policy.controls import Controls
from postfixconf.policy.found import Found, switch_is_on
from postfixconf.policy.greylisting import Greylist
from postfixconf.policy.listener import Listener, LogName, SignIn
from postfixconf.policy.observed import Facts, effective, front_services
from postfixconf.policy.policy import Policy
from postfixconf.policy.ranks import AFTER, PERMITS, permits_before, position
from postfixconf.policy.recorder import Recorder
from postfixconf.policy.relay import has_relay_protection
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import Rule, parse_list

__all__ = ["compose"]


def compose(
    main: MainCf,
    found: Mapping[str, Found],
    policy: Policy,
    facts: Facts,
    master: MasterCf | None = None,
) -> MainCf:
    """The adopted `main` with every control in the mode that `policy` wants.

    `found` is what `main` has beside the adopted `master` (`found.find`). A control
    that cannot be switched here is left alone whatever the policy says. The
    catalogue's order decides, so equal policies give equal bytes.
    """
    controls = policy.controls
    for each in controls.every:
        before = found[each.key]
        mode = policy.modes.get(each.key, before.mode)
        if not before.switchable:
            continue
        place = here(each, policy, facts)
        if mode == before.mode and _stands(main, before.places, place, facts):
            continue
        match place:
            case Stop():
                pass  # `lookups.weave` does it
            case Listener() | LogName():
                pass  # `sending.wanted_master` does it
            case SignIn():
                main = _sign_in(main, place, mode, master)
            case Switch() as switch:
                main = _flip(main, switch, mode, facts)
            case Restriction() | Recorder() | Greylist() if mode is Mode.OFF:
                main = _take_out(main, before.places, place, facts)
            case Recorder() as recorder:
                main = _record(main, recorder, facts, controls)
            case Restriction() | Greylist() if before.mode is Mode.OFF:
                main = _insert(main, place, mode, facts, controls)
            case Restriction() | Greylist():
                main = _change(main, before, place, mode, facts)
    return main


def here(control: Control, policy: Policy, facts: Facts) -> Place:
    """A control's place on this server: its own postgrey to ask, codes where wanted."""
    place = control.place
    if isinstance(place, Greylist):
        return place.on(facts.postgrey)
    if isinstance(place, Restriction) and control.key in policy.filtered:
        return replace(place, coded=True)
    return place


def _stands(main: MainCf, names: tuple[str, ...], place: object, facts: Facts) -> bool:
    """Whether nothing but the mode of a control could have to change."""
    if not isinstance(place, Restriction):
        return True
    lists = (parse_list(effective(main, facts, name)) for name in names)
    ours = (rule for rules in lists for rule in rules if place.matches(rule))
    return all(map(place.stands, ours))


def _flip(main: MainCf, switch: Switch, mode: Mode, facts: Facts) -> MainCf:
    """Write the switch, or take its line out where the default says the same."""
    if mode is Mode.ON:
        return main.set(switch.parameter, switch.on)
    if switch_is_on(facts.defaults[switch.parameter]):
        return main.set(switch.parameter, "no")
    return main.remove(switch.parameter)


def _sign_in(
    main: MainCf, place: SignIn, mode: Mode, master: MasterCf | None
) -> MainCf:
    """AUTH on port 25, unless each service there says so itself."""
    fronts = front_services(master) if master else ()
    if fronts and all(place.parameter in each.overrides() for each in fronts):
        return main
    return main.set(place.parameter, "yes" if mode is Mode.ON else "no")


def _take_out(
    main: MainCf,
    names: tuple[str, ...],
    place: Restriction | Recorder | Greylist,
    facts: Facts,
) -> MainCf:
    """Take the rule out of these lists; one with only our permits left goes too."""
    for name in names:
        rules = parse_list(effective(main, facts, name))
        rest = tuple(rule for rule in rules if not place.matches(rule))
        ours = set(rest) <= set(PERMITS)
        main = main.remove(name) if ours else main.set_rules(name, rest)
    return main


def _change(
    main: MainCf,
    before: Found,
    place: Restriction | Greylist,
    mode: Mode,
    facts: Facts,
) -> MainCf:
    """Give the rule the mode where it stands."""
    for name in before.places:
        rules = parse_list(effective(main, facts, name))
        changed = (_changed(rule, before, place, mode) for rule in rules)
        main = main.set_rules(name, tuple(changed))
    return main


def _changed(
    rule: Rule, before: Found, place: Restriction | Greylist, mode: Mode
) -> Rule:
    """A rule in another mode; where that stays, only what may not stand changes."""
    if not place.matches(rule):
        return rule
    if mode is not before.mode:
        return place.modern(rule, warn=mode is Mode.TEST)
    if isinstance(place, Restriction) and place.stands(rule):
        return rule
    return place.modern(rule, warn=rule.warn)


def _insert(
    main: MainCf,
    place: Restriction | Greylist,
    mode: Mode,
    facts: Facts,
    controls: Controls,
) -> MainCf:
    """Put a rule that stands nowhere into its list, behind the permits."""
    name = place.parameter
    rules = parse_list(effective(main, facts, name))
    at = position(rules, place.rank, controls)
    if not set(PERMITS) <= set(rules[:at]):
        at = position(rules, AFTER, controls)
    block = (
        *permits_before(main, facts, name, rules, at),
        place.rule(warn=mode is Mode.TEST),
    )
    return main.set_rules(name, (*rules[:at], *block, *rules[at:]))


def _record(
    main: MainCf, recorder: Recorder, facts: Facts, controls: Controls
) -> MainCf:
    """Put the recorder first in its list, before the permits.

    Where nothing refuses relaying, smtpd does not even start: then the list gets what
    does, as with any other rule.
    """
    name = recorder.parameter
    rules = parse_list(effective(main, facts, name))
    at = position(rules, AFTER, controls)
    block: tuple[Rule, ...] = ()
    if not has_relay_protection(main, facts):
        block = permits_before(main, facts, name, rules, at)
    return main.set_rules(name, (recorder.rule, *rules[:at], *block, *rules[at:]))
