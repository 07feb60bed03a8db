"""Which controls a configuration has already, in which mode and where.

Every managed rule is recognised wherever it stands, in any spelling. Inside
`$name`, braces, a restriction class or a `-o` override of the port-25 service
it is "elsewhere": seen, not switchable. What a table or policy service behind
the list decides is not looked at.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from postfixconf.policy.asking import reads_access
from postfixconf.policy.classes import declared
from postfixconf.policy.control import (
    KEYED_TYPE,
    Mode,
    Place,
    Restriction,
    Stop,
    Switch,
)
from postfixconf.policy.controls import STATIC, Controls
from postfixconf.policy.greylisting import Greylist
from postfixconf.policy.leading import last_word, leads
from postfixconf.policy.listener import (
    SASL,
    Listener,
    LogName,
    SignIn,
    nameless,
    receiving,
)
from postfixconf.policy.observed import Facts, effective, front_services
from postfixconf.policy.recorder import RECORDER_TYPE, Recorder
from postfixconf.policy.relay import unfolded
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS, SENDER
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import Rule, parse_list

__all__ = ["Found", "find", "find_one", "sign_in_values", "switch_is_on"]

STRICTNESS = (Mode.OFF, Mode.TEST, Mode.ON)


@dataclass(frozen=True)
class Found:
    """How a control stands in a configuration.

    `places` are the lists (or the parameter) where mailguard can switch it.
    `elsewhere` names the place that cannot be switched, None if there is none.
    `available` is false where the installed Postfix does not have it. `bare` says that
    a list in the DNS is asked without its return codes there.
    """

    mode: Mode
    places: tuple[str, ...] = ()
    elsewhere: str | None = None
    available: bool = True
    bare: bool = False

    @property
    def switchable(self) -> bool:
        """Whether a click can change it."""
        return self.available and self.elsewhere is None


@dataclass(frozen=True)
class _Read:
    """A configuration, read once for all controls.

    `lists` are the lists' rules, `behind` what each of them leads to as (source,
    rules), `finals` the `$name` of each that has its last word, `fronts` the
    overrides of each port-25 service.
    """

    main: MainCf
    facts: Facts
    lists: Mapping[str, tuple[Rule, ...]]
    behind: Mapping[str, tuple[tuple[str, tuple[Rule, ...]], ...]]
    finals: Mapping[str, str | None]
    fronts: tuple[tuple[str, Mapping[str, str]], ...]

    @classmethod
    def of(cls, main: MainCf, master: MasterCf, facts: Facts) -> "_Read":
        known = frozenset(declared(main))
        texts = {name: effective(main, facts, name) for name in RESTRICTION_LISTS}
        lists = {name: parse_list(value) for name, value in texts.items()}
        behind = {
            name: tuple(
                (source, parse_list(text)) for source, text in leads(value, main, known)
            )
            for name, value in texts.items()
        }
        finals = {name: last_word(value, main) for name, value in texts.items()}
        fronts = tuple((x.name, x.overrides()) for x in front_services(master))
        return cls(main, facts, lists, behind, finals, fronts)


def find(
    main: MainCf, master: MasterCf, facts: Facts, controls: Controls = STATIC
) -> dict[str, Found]:
    """Each of these controls, by key, as it stands now."""
    read = _Read.of(main, master, facts)
    return {each.key: _find(each.place, master, read) for each in controls.every}


def find_one(key: str, main: MainCf, master: MasterCf, facts: Facts) -> Found:
    """One control that every server has, as it stands now."""
    return _find(STATIC.control(key).place, master, _Read.of(main, master, facts))


def _find(place: Place, master: MasterCf, read: _Read) -> Found:
    match place:
        case Switch():
            return _find_switch(place, read)
        case Stop():
            return _find_stop(place, read)
        case Recorder():
            return _find_recorder(place, read)
        case Greylist():
            return _find_greylist(place, read)
        case Listener() | SignIn() | LogName():
            return _find_sending(place, read.main, master, read.facts)
        case Restriction() if place.permits:
            return _on_or_off(_find_list(place, read))
        case Restriction():
            return _find_list(place, read)


def sign_in_values(main: MainCf, master: MasterCf, facts: Facts) -> dict[str, str]:
    """Whether people may sign in on port 25, as each service there has it, by name.

    Empty for a server that takes mail from its own people alone.
    """
    usual = effective(main, facts, SASL)
    if not front_services(master):
        return {"smtp": usual}
    return {x.name: x.overrides().get(SASL, usual) for x in receiving(master)}


def _find_sending(
    place: Listener | SignIn | LogName, main: MainCf, master: MasterCf, facts: Facts
) -> Found:
    match place:
        case Listener():
            on, elsewhere = bool(place.services(master)), place.elsewhere(master)
        case LogName():
            on = not nameless(master)
            elsewhere = "master.cf: no service lacks one" if on else None
        case SignIn():
            values = sign_in_values(main, master, facts)
            on = any(map(switch_is_on, values.values()))
            elsewhere = place.elsewhere(values)
    return Found(Mode.ON if on else Mode.OFF, (place.parameter,), elsewhere)


def switch_is_on(value: str) -> bool:
    """Whether a switch's value means on: anything but `no` (and nothing at all)."""
    return value.strip().lower() not in ("no", "")


def strictest(rules: Iterable[Rule]) -> Mode:
    """The mode of a control found in these rules, off when there are none."""
    modes = (Mode.TEST if rule.warn else Mode.ON for rule in rules)
    return max(modes, key=STRICTNESS.index, default=Mode.OFF)


def _find_stop(place: Stop, read: _Read) -> Found:
    """The stop; off where port 25 has a list of its own that never gets to it."""
    rules = parse_list(read.main.get(place.parameter) or "")
    override = _override(read, SENDER)
    if override is None:
        return Found(strictest(rules), (place.parameter,))
    own = unfolded(read.main, override[1])
    asked = any(reads_access(rule, read.facts) for rule in own)
    return Found(strictest(rules if asked else ()), (place.parameter,), override[0])


def _find_recorder(place: Recorder, read: _Read) -> Found:
    available = RECORDER_TYPE in read.facts.table_types
    return replace(_on_or_off(_find_rule(place, read)), available=available)


def _find_greylist(place: Greylist, read: _Read) -> Found:
    """As it stands; what stands nowhere needs a postgrey that can be asked."""
    found = _find_rule(place.on(read.facts.postgrey), read)
    there = found.mode is not Mode.OFF or bool(read.facts.postgrey)
    return replace(found, available=there)


def _find_list(place: Restriction, read: _Read) -> Found:
    """A rule; one with a key needs a table that this Postfix may not have."""
    found = _find_rule(place, read)
    if place.keyed and KEYED_TYPE not in read.facts.table_types:
        return replace(found, available=False)
    if found.mode is Mode.OFF or place.codes is None:
        return found
    rules = (rule for name in found.places for rule in read.lists[name])
    return replace(found, bare=any(map(place.bare, rules)))


def _on_or_off(found: Found) -> Found:
    """On where it stands at all: before what never refuses, `warn_if_reject` means
    nothing."""
    return replace(found, mode=Mode.OFF if found.mode is Mode.OFF else Mode.ON)


def _find_switch(place: Switch, read: _Read) -> Found:
    if not read.facts.knows(place.parameter):
        return Found(Mode.OFF, available=False)
    value = effective(read.main, read.facts, place.parameter)
    elsewhere = _override(read, place.parameter)
    if elsewhere is not None:
        value = elsewhere[1]
    mode = Mode.ON if switch_is_on(value) else Mode.OFF
    if elsewhere is not None:
        return Found(mode, elsewhere=elsewhere[0])
    if "$" in value:
        return Found(mode, elsewhere=f"{place.parameter} = {value}")
    return Found(mode, (place.parameter,))


def _find_rule(place: Restriction | Recorder | Greylist, read: _Read) -> Found:
    hits: dict[str, list[Rule]] = {
        name: [rule for rule in listed if place.matches(rule)]
        for name, listed in read.lists.items()
    }
    places = tuple(name for name, rules in hits.items() if rules)
    if (override := _overridden(read, place, places)) is not None:
        rules = [rule for rule in parse_list(override[1]) if place.matches(rule)]
        return Found(strictest(rules), places, override[0])
    if places:
        return Found(strictest(rule for name in places for rule in hits[name]), places)
    return _find_behind(place, read)


def _find_behind(place: Restriction | Recorder | Greylist, read: _Read) -> Found:
    """Look behind `$name`, braces and restriction classes of the lists."""
    for name, led in read.behind.items():
        for source, behind in led:
            rules = [rule for rule in behind if place.matches(rule)]
            if rules:
                return Found(strictest(rules), (name,), f"{source} in {name}")
    if isinstance(place, Recorder):  # first in its list: nothing is before it
        return Found(Mode.OFF, (place.parameter,))
    return Found(Mode.OFF, (place.parameter,), read.finals[place.parameter])


def _override(read: _Read, *parameters: str) -> tuple[str, str] | None:
    """(place, value) of a `-o` on port 25 that shadows one of the parameters."""
    for service, overrides in read.fronts:
        for parameter in parameters:
            if parameter in overrides:
                where = f"-o {parameter} of {service} in master.cf"
                return where, overrides[parameter]
    return None


def _overridden(
    read: _Read, place: Restriction | Recorder | Greylist, places: tuple[str, ...]
) -> tuple[str, str] | None:
    """The `-o` on port 25 that holds the rule, or shadows the list it belongs in."""
    if not any(overrides for _, overrides in read.fronts):
        return None
    for name in RESTRICTION_LISTS:
        found = _override(read, name)
        if found and any(place.matches(rule) for rule in parse_list(found[1])):
            return found
    return _override(read, *(places or (place.parameter,)))
