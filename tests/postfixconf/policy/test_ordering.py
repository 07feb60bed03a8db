"""Our rules in another order: what moves, what never does, and the way back."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postfixconf.errors import BadFile, BadPolicy
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Mode
from postfixconf.policy.entries import Lookup
from postfixconf.policy.found import find
from postfixconf.policy.lookups import Uses
from postfixconf.policy.ordering import Listing, arrange, key_of, names_of
from postfixconf.policy.plan import plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.ranks import PERMITS
from postfixconf.policy.relay import has_relay_protection
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.policy.softening import softened
from postfixconf.text.lists import items
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import Rule, parse_list
from tests.support.corpus import corpus, text_of
from tests.support.facts import STOCK_MASTER, installed, observed
from tests.support.soak import full

RECIPIENT = "smtpd_recipient_restrictions"
LEVEL = "compatibility_level = 3.6\n"
PERMIT = "permit_mynetworks, permit_sasl_authenticated"
FULL, KNOWN = "reject_non_fqdn_sender", "reject_unknown_sender_domain"
ZEN = "reject_rbl_client zen.spamhaus.org=127.0.0.[2..11]"
LISTED = "dnsbl:zen.spamhaus.org"
MASTER = MasterCf.parse(STOCK_MASTER)


def listing(text: str, name: str = RECIPIENT) -> Listing:
    """A list, taken apart."""
    main = MainCf.parse(f"{LEVEL}{name} = {text}\n")
    return Listing.of(main, installed(), name)


def arranged(text: str, *order: str) -> str:
    """A list in an order, on one line."""
    return ", ".join(rule.text for rule in listing(text).arranged(order))


def readable() -> list[Path]:
    """The corpus files that Postfix itself would read."""
    files = []
    for path in corpus("main.cf"):
        try:
            MainCf.parse(text_of(path))
        except BadFile:
            continue
        files.append(path)
    return files


READABLE = readable()


def shuffled(main: MainCf, dice: Random) -> dict[str, tuple[str, ...]]:
    """A random order of every list, of all that stands in it."""
    found = {}
    for name in RESTRICTION_LISTS:
        names = list(names_of(Listing.of(main, installed(), name).rules))
        dice.shuffle(names)
        found[name] = tuple(names)
    return found


def foreign(main: MainCf, name: str) -> list[str]:
    """The bytes of each rule that is not ours, in turn."""
    found = next((x for x in reversed(main.assignments) if x.name == name), None)
    every = [] if found is None else [each for each, _ in items(found, main.text)]
    return [each.raw for each in every if key_of(each.rule) is None]


def comments(main: MainCf) -> list[str]:
    """The comment lines of a document."""
    lines = [line.strip(" \t\r") for line in main.text.split("\n")]
    return sorted(line for line in lines if line.startswith("#"))


def test_our_rules_stand_in_the_order_that_is_named() -> None:
    text = f"{PERMIT}, {FULL}, {KNOWN}, {ZEN}"
    assert arranged(text, LISTED, FULL, KNOWN) == f"{PERMIT}, {ZEN}, {FULL}, {KNOWN}"


def test_a_rule_moves_past_one_that_is_not_ours() -> None:
    grey = "check_policy_service inet:127.0.0.1:10023"
    text = f"{PERMIT}, {FULL}, {ZEN}, {grey}"
    order = (FULL, "check_policy_service", LISTED)
    assert arranged(text, *order) == f"{PERMIT}, {FULL}, {grey}, {ZEN}"


def test_a_rule_that_is_not_named_stays_behind_what_it_was_put_behind() -> None:
    text = f"{PERMIT}, {FULL}, {KNOWN}, {ZEN}"
    assert arranged(text, LISTED, FULL) == f"{PERMIT}, {ZEN}, {FULL}, {KNOWN}"


def test_what_an_order_names_and_nobody_has_means_nothing() -> None:
    text = f"{PERMIT}, {FULL}, {ZEN}"
    order = ("check_helo_access", LISTED, "dnsbl:never.example", FULL, "other")
    assert arranged(text, *order) == f"{PERMIT}, {ZEN}, {FULL}"


def test_no_rule_gets_before_the_permits_or_behind_the_last_word() -> None:
    text = f"{PERMIT}, {FULL}, {ZEN}, reject, {KNOWN}"
    order = (LISTED, *names_of(parse_list(PERMIT)), "reject", FULL)
    assert arranged(text, *order) == f"{PERMIT}, {ZEN}, {FULL}, reject, {KNOWN}"


def test_a_rule_found_before_the_permits_may_stay_or_go_behind_them() -> None:
    text = f"{FULL}, {PERMIT}, {KNOWN}"
    permits = names_of(parse_list(PERMIT))
    assert arranged(text, FULL, *permits, KNOWN) == text
    assert arranged(text, *permits, KNOWN, FULL) == f"{PERMIT}, {KNOWN}, {FULL}"
    assert arranged(text, KNOWN, *permits, FULL) == f"{PERMIT}, {KNOWN}, {FULL}"


def test_a_reference_with_the_last_word_is_the_end() -> None:
    main = MainCf.parse(f"base = reject\n{RECIPIENT} = {PERMIT}, {FULL}, $base\n")
    after = arrange(main, {RECIPIENT: ("other", FULL)}, installed())
    assert after == main


@pytest.mark.parametrize("odd", ["warn_if_reject", "reject_rbl_client", "{ x"])
def test_a_list_that_cannot_be_taken_apart_stays(odd: str) -> None:
    text = f"{FULL}, {KNOWN}, {odd}"
    assert not listing(text).firm
    assert arranged(text, KNOWN, FULL) == f"{FULL}, {KNOWN}, {odd}"


def test_entries_are_asked_before_a_rule_wherever_it_is_moved() -> None:
    seen = observed(f"{LEVEL}{RECIPIENT} = {PERMIT}, {FULL}, {ZEN}\n")
    uses = Uses(frozenset({Lookup.CLIENTS, Lookup.HELO}), frozenset())
    order = {RECIPIENT: (LISTED, "permit_mynetworks", FULL)}
    policy = replace(Policy(order=order), uses=uses)
    rules = MainCf.parse(plan(policy, seen.texts, seen).after.main).rules(RECIPIENT)
    assert [rule.name for rule in rules[2:4]] == [
        "check_client_access",
        "check_helo_access",
    ]
    assert names_of(rules[4:]) == (LISTED, FULL)


def test_a_list_that_is_taken_back_keeps_its_place() -> None:
    seen = observed(f"{LEVEL}{RECIPIENT} =\n    {PERMIT},\n    {FULL},\n    {ZEN}\n")
    policy = Policy(order={RECIPIENT: (LISTED, FULL)})
    live = replace(seen, texts=plan(policy, seen.texts, seen).after)
    alone = softened({LISTED: Mode.TEST}, policy, live, reload=False).after.main
    gentler = policy.with_mode(LISTED, Mode.TEST)
    assert alone == plan(gentler, seen.texts, live).after.main
    assert f"warn_if_reject {ZEN},\n    {FULL}" in alone


def test_a_moved_rule_leaves_lines_and_comments_to_the_others() -> None:
    text = (
        f"{LEVEL}{RECIPIENT} =\n    permit_mynetworks,\n    # names first\n"
        f"    {FULL},\n    # the lists\n    {ZEN},\n    # done\n    {KNOWN}\n"
    )
    order = {RECIPIENT: ("permit_mynetworks", FULL, KNOWN, LISTED)}
    after = arrange(MainCf.parse(text), order, installed())
    assert after.render() == (
        f"{LEVEL}{RECIPIENT} =\n    permit_mynetworks,\n    # names first\n"
        f"    {FULL},\n    # the lists\n    # done\n    {KNOWN},\n    {ZEN}\n"
    )


def test_the_recommended_order_asks_the_dns_last() -> None:
    text = f"{PERMIT}, {ZEN}, reject_unauth_destination, {KNOWN}, {FULL}"
    found = listing(text)
    assert ", ".join(x.text for x in found.arranged(found.recommended())) == (
        f"{PERMIT}, reject_unauth_destination, {FULL}, {KNOWN}, {ZEN}"
    )


@pytest.mark.parametrize(
    "order", [{"mynetworks": ("a",)}, {RECIPIENT: ("a b",)}, {RECIPIENT: ("$x",)}]
)
def test_what_is_no_order_is_quoted(order: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(BadPolicy):
        Policy(order=order)


def test_a_policy_of_before_has_no_order() -> None:
    told = Policy.of({FULL: "on"}).as_json()
    del told["order"]
    assert Policy.from_json(told).order == {}


def test_a_policy_is_read_back_with_its_order() -> None:
    policy = Policy(order={RECIPIENT: (LISTED, FULL)})
    assert Policy.from_json(policy.as_json()) == policy


@pytest.mark.parametrize("path", READABLE, ids=lambda path: path.name)
def test_any_order_keeps_every_byte_that_is_not_ours(path: Path) -> None:
    main, facts = MainCf.parse(text_of(path)), installed()
    for seed in range(full(200)):
        order = shuffled(main, Random(seed))
        after = arrange(main, order, facts)
        assert comments(after) == comments(main)
        assert after.names() == main.names()
        for name in main.names():
            if name in RESTRICTION_LISTS:
                assert foreign(after, name) == foreign(main, name)
            else:
                assert after.get(name) == main.get(name)


@pytest.mark.parametrize("path", READABLE, ids=lambda path: path.name)
def test_an_order_reaches_what_it_says_and_goes_without_a_trace(path: Path) -> None:
    seen = observed(text_of(path))
    found = find(MainCf.parse(seen.texts.main), MASTER, installed())
    modes = {key: each.mode for key, each in found.items()}
    order = shuffled(MainCf.parse(seen.texts.main), Random(1))
    live = replace(seen, texts=plan(Policy(modes, order=order), seen.texts, seen).after)
    assert plan(Policy(modes), seen.texts, live).after.main == seen.texts.main


@pytest.mark.parametrize("path", READABLE, ids=lambda path: path.name)
def test_an_order_made_once_is_made_for_good(path: Path) -> None:
    main, facts = MainCf.parse(text_of(path)), installed()
    for seed in range(full(100)):
        once = arrange(main, shuffled(main, Random(seed)), facts)
        told = {
            name: names_of(Listing.of(once, facts, name).rules)
            for name in RESTRICTION_LISTS
        }
        assert arrange(main, told, facts) == once
        assert arrange(once, told, facts) == once


def allowed(found: Listing, dice: Random) -> tuple[Rule, ...]:
    """The rules with each of ours somewhere it may stand."""
    turns = list(found.movable)
    dice.shuffle(turns)
    gaps = {each.at: dice.randint(*found.bounds(each)) for each in turns}
    rules: list[Rule] = []
    for at in range(len(found.fixed) + 1):
        rules += [each.rule for each in turns if gaps[each.at] == at]
        rules += found.fixed[at : at + 1]
    return tuple(rules)


def test_every_place_that_is_allowed_can_be_had() -> None:
    tried = 0
    for path in READABLE:
        main = MainCf.parse(text_of(path))
        for name in RESTRICTION_LISTS:
            found = Listing.of(main, installed(), name)
            keys = [each.key for each in found.movable]
            if not found.firm or len(set(keys)) < len(keys) or not keys:
                continue
            for seed in range(full(200)):
                rules = allowed(found, Random(seed))
                assert found.arranged(names_of(rules)) == rules
                tried += 1
    assert tried > 100


@settings(max_examples=full(2000), deadline=None, derandomize=True, database=None)
@given(
    at=st.integers(0, len(READABLE) - 1),
    seed=st.integers(0, 10**6),
    on=st.sets(st.sampled_from([each.key for each in CONTROLS])),
)
def test_no_order_takes_protection_away_or_passes_a_permit(
    at: int, seed: int, on: set[str]
) -> None:
    seen, facts = observed(text_of(READABLE[at])), installed()
    policy = Policy(dict.fromkeys(on, Mode.ON))
    made = plan(policy, seen.texts, seen)
    before = MainCf.parse(made.after.main)
    policy = replace(policy, order=shuffled(before, Random(seed)))
    after = MainCf.parse(plan(policy, seen.texts, seen).after.main)
    assert has_relay_protection(after, facts) == has_relay_protection(before, facts)
    for name in RESTRICTION_LISTS:
        was, now = (Listing.of(each, facts, name) for each in (before, after))
        assert now.fixed == was.fixed
        early = {each.key for each in was.movable if each.gap < was.first}
        late = {each.key for each in was.movable if each.gap > was.last}
        for each in now.movable:
            assert each.gap >= now.first or each.key in early
            assert each.gap <= now.last or each.key in late
        assert set(PERMITS) & set(was.rules) == set(PERMITS) & set(now.rules)
