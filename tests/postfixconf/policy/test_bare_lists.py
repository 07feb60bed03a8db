"""Lists that were found without return codes: bare until marked, then never again."""

from pathlib import Path

import pytest

from postfixconf.errors import BadFile, BadPolicy
from postfixconf.policy.control import Mode, Restriction
from postfixconf.policy.controls import STATIC
from postfixconf.policy.found import Found, find
from postfixconf.policy.observed import effective
from postfixconf.policy.plan import plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.policy.softening import softened
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import Rule, parse_list
from tests.support.corpus import corpus, has_corpus, text_of
from tests.support.facts import STOCK_MASTER, installed, observed

RECIPIENT = "smtpd_recipient_restrictions"
ZEN, CODES = "dnsbl:zen.spamhaus.org", "127.0.0.[2..11]"
ALLOW = "dnswl:list.dnswl.org"
BARE = "reject_rbl_client zen.spamhaus.org"
CODED = f"{BARE}={CODES}"
OWN_CODES = f"{BARE}=127.0.0.[4..9]"


def main_of(*rules: str, name: str = RECIPIENT) -> str:
    """A main.cf with these rules behind a permit."""
    return (
        f"compatibility_level = 3.6\n{name} = permit_mynetworks, {', '.join(rules)}\n"
    )


def found_in(main: str) -> dict[str, Found]:
    """The controls of a main.cf."""
    return find(MainCf.parse(main), MasterCf.parse(STOCK_MASTER), installed())


def planned(main: str, mode: str | None = None, *marks: str, key: str = ZEN) -> str:
    """main.cf as wanted with these marks; one control in another mode, or as found."""
    seen = observed(main)
    modes = {k: each.mode for k, each in found_in(main).items()}
    policy = Policy(modes, filtered=marks)
    if mode is not None:
        policy = policy.with_mode(key, Mode(mode))
    return plan(policy, seen.texts, seen).after.main


def test_a_bare_list_stays_as_found_until_it_is_marked() -> None:
    main = main_of(BARE)
    assert planned(main) == main
    assert planned(main, None, ZEN) == main_of(CODED)


@pytest.mark.parametrize(
    ("mode", "rule"), [("on", CODED), ("test", f"warn_if_reject {CODED}")]
)
@pytest.mark.parametrize("found", [BARE, f"warn_if_reject {BARE}"])
def test_a_marked_list_has_its_codes_in_every_mode(
    found: str, mode: str, rule: str
) -> None:
    assert planned(main_of(found), mode, ZEN) == main_of(rule)


def test_a_marked_list_goes_off_and_comes_back_as_adopted_without_its_mark() -> None:
    main = main_of(BARE)
    assert "spamhaus" not in planned(main, "off", ZEN)
    assert planned(main, "on") == main


@pytest.mark.parametrize("rule", [OWN_CODES, f"warn_if_reject {OWN_CODES}"])
def test_a_mark_changes_no_codes_that_were_found(rule: str) -> None:
    assert planned(main_of(rule), None, ZEN) == main_of(rule)
    assert not found_in(main_of(rule))[ZEN].bare


def test_a_mark_on_a_list_that_stands_nowhere_changes_nothing() -> None:
    main = main_of("reject_non_fqdn_sender")
    assert planned(main, None, ZEN) == main


def test_each_rule_of_a_marked_list_keeps_its_own_mode() -> None:
    client = f"smtpd_client_restrictions = warn_if_reject {BARE}\n"
    main = main_of(OWN_CODES, BARE) + client
    assert planned(main, None, ZEN) == (
        main_of(OWN_CODES, CODED) + client.replace(BARE, CODED)
    )


@pytest.mark.parametrize(
    "spelling", ["Zen.Spamhaus.ORG.", "zen.spamhaus.org.", "zen.spamhaus.org="]
)
def test_a_bare_list_is_known_in_any_spelling(spelling: str) -> None:
    main = main_of(f"reject_rbl_client {spelling}")
    assert found_in(main)[ZEN].bare
    assert planned(main, None, ZEN) == main_of(CODED)


def test_a_bare_allow_list_gets_its_codes_too() -> None:
    main = main_of("permit_dnswl_client list.dnswl.org", BARE)
    assert found_in(main)[ALLOW].bare
    coded = "permit_dnswl_client list.dnswl.org=127.0.[2..9;11..20].[1..3]"
    assert planned(main, None, ALLOW) == main_of(coded, BARE)


def test_a_change_beside_a_hand_edit_gives_no_codes() -> None:
    policy = Policy(filtered=(ZEN,))
    seen = observed(main_of(BARE, "reject_rbl_client bl.spamcop.net"))
    made = softened({"dnsbl:bl.spamcop.net": Mode.TEST}, policy, seen, reload=True)
    assert f"{BARE}," in made.after.main


def test_marks_are_kept_sorted_and_once() -> None:
    policy = Policy(filtered=(ZEN, ALLOW, ZEN))
    assert policy.filtered == (ZEN, ALLOW)
    assert Policy.from_json(policy.as_json()) == policy
    told = policy.as_json()
    del told["filtered"]
    assert Policy.from_json(told) == Policy()


@pytest.mark.parametrize("key", ["", "disable_vrfy_command", "dnsbl:", "x:a.example"])
def test_a_mark_of_no_list_is_refused(key: str) -> None:
    with pytest.raises(BadPolicy):
        Policy.from_json(Policy().as_json() | {"filtered": [key]})


def with_bare_lists() -> list[Path]:
    """The corpus files that ask a list of the catalogue without codes."""
    files = []
    for path in corpus("main.cf"):
        try:
            found = found_in(text_of(path))
        except BadFile:
            continue
        if any(each.bare and each.switchable for each in found.values()):
            files.append(path)
    return files


def test_the_corpus_has_bare_lists() -> None:
    assert not has_corpus() or len(with_bare_lists()) > 5


def coded(rule: Rule, marks: tuple[str, ...]) -> Rule:
    """A rule as it has to be written: with its codes where it is marked and bare."""
    each = STATIC.restriction_of(rule)
    if each is None or each.key not in marks or "=" in (rule.argument or ""):
        return rule
    assert isinstance(each.place, Restriction)
    return each.place.rule(warn=rule.warn)


@pytest.mark.parametrize("path", with_bare_lists(), ids=lambda path: path.name)
def test_a_mark_gives_codes_to_bare_rules_and_changes_nothing_else(path: Path) -> None:
    main, found = text_of(path), found_in(text_of(path))
    marks = tuple(k for k, each in found.items() if each.bare and each.switchable)
    assert planned(main) == main
    before, after = MainCf.parse(main), MainCf.parse(planned(main, None, *marks))
    assert not any(found_in(after.render())[key].bare for key in marks)
    for name in {*before.names(), *after.names()} - set(RESTRICTION_LISTS):
        assert before.get(name) == after.get(name)
    for name in RESTRICTION_LISTS:
        rules = parse_list(effective(before, installed(), name))
        wanted = tuple(coded(rule, marks) for rule in rules)
        assert parse_list(effective(after, installed(), name)) == wanted
