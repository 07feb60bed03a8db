"""Nothing typed becomes configuration: any text is refused, or means only itself."""

import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from postfixconf.errors import BadValue
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.classes import CLASSES
from postfixconf.policy.entries import ALLOW, DENY, Entry, Kind, Side
from postfixconf.policy.lookups import OWN_CLASS, Uses
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.plan import plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.policy.sources import lines
from postfixconf.text.maincf import MainCf
from tests.postfixconf.policy.test_entries import POSTFIX, TEXTS
from tests.support.facts import observed

MAIN = "compatibility_level = 3.6\nmynetworks = 127.0.0.0/8\n# the end\n"
MANAGED = {*RESTRICTION_LISTS, CLASSES, OWN_CLASS}
LINE = re.compile(rf"[^\s#${{}}]+ (?:{ALLOW}|{DENY}|{OWN_CLASS})\n")
OWN_LINE = re.compile(r"[0-9a-f.:]+/\d+ (?:DUNNO|REJECT [ -~]+)\n")
REPLIES = st.one_of(TEXTS, st.text("abc $#{}\"';|`<>&%\\=,", max_size=210))


def parts(text: str) -> dict[str, str | None]:
    """Every parameter of a main.cf that is not ours."""
    main = MainCf.parse(text)
    return {name: main.get(name) for name in main.names() if name not in MANAGED}


@settings(max_examples=500, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_an_entry_of_any_text_is_refused_or_a_line(a: str, b: str, c: str) -> None:
    try:
        entry = Entry.read(a, b, c)
    except BadValue as cause:
        assert cause.text in (a, b, c)
        return
    assert entry.side in Side  # pragma: no cover - "allow" is not found by chance


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(Side), st.sampled_from(POSTFIX), TEXTS)
def test_an_entry_changes_nothing_but_the_lists(
    side: Side, kind: Kind, text: str
) -> None:
    try:
        entry = Entry.read(side, kind, text)
    except BadValue:
        return
    made = list(lines(entry.lookup, [entry], OwnDomains(), dotted=True))
    assert all(LINE.fullmatch(line) for line in made)
    seen = observed(MAIN)
    uses = Uses.of([(entry.side, entry.lookup)])
    after = plan(replace(Policy(), uses=uses), seen.texts, seen).after.main
    assert entry.value not in after.removeprefix(MAIN) or len(entry.value) < 3
    assert after.startswith(MAIN) and parts(after) == parts(MAIN)


@settings(max_examples=800, deadline=None)
@given(st.lists(TEXTS, max_size=2), st.lists(TEXTS, max_size=2), REPLIES)
def test_own_domains_of_any_text_are_refused_or_lines(
    domains: list[str], exceptions: list[str], reply: str
) -> None:
    try:
        own = OwnDomains(tuple(domains), tuple(exceptions), reply)
    except BadValue as cause:
        assert cause.text in (*domains, *exceptions, reply)
        return
    assert all(OWN_LINE.fullmatch(line) for line in own.lines())
    seen = observed(MAIN)
    policy = replace(Policy.of({"own_domains": "on"}), own=own)
    after = plan(policy, seen.texts, seen).after.main
    assert after.startswith(MAIN) and parts(after) == parts(MAIN)


KEYS = st.one_of(TEXTS, st.sampled_from([each.key for each in CONTROLS]))
MODES = st.one_of(TEXTS, st.sampled_from(["off", "test", "on"]))


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(KEYS, MODES, max_size=3))
def test_modes_of_any_text_are_refused_or_modes(modes: dict[str, str]) -> None:
    try:
        policy = Policy.of(modes)
    except BadValue as cause:
        assert cause.text in (*modes, *modes.values())
        return
    assert {key: mode.value for key, mode in policy.modes.items()} == modes


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(["modes", "own", "uses", "relays"]), JSON)
def test_a_stored_policy_of_any_shape_is_refused_or_a_policy(
    name: str, told: object
) -> None:
    try:
        policy = Policy.from_json({**Policy().as_json(), name: told})
    except BadValue:
        return
    assert Policy.from_json(policy.as_json()) == policy
