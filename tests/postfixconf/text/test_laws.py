"""Laws that hold for any text: drawn from the pieces real files are made of.

Texts with a NUL or a vertical tab obey the laws of reading but not those of
undoing: what stands after a NUL is no part of the value, and a line may begin
inside a word.
"""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from postfixconf import MainCf, Rule
from postfixconf.errors import BadFile, BadValue
from postfixconf.text.layout import common
from tests.support.postconf import Postconf
from tests.support.soak import full

law = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=full(2000),
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)

NAMES = ("mydomain", "myorigin")
NEW = Rule("reject_rbl_client", "zen.example")
BEGINNINGS = ("", "mydomain = ", "mydomain=", "mydomain\n =", "# c\nmydomain =\n  ")
PIECES = (
    *("a", "b", "é", "#", "=", "{", "}", "\\", "x = y", "reject_rbl_client", "sleep 1"),
    *("warn_if_reject ", "check_sender_access hash:/x", "\nmydomain = ", "\nmyorigin="),
    *(" ", "  ", "\t", ",", ", ", "\n ", "\n\n", "\r\n", "\r\n   ", "\n# c\n"),
    *("\n    ", ",\n    ", ",\n    # note\n    ", "\n  , ", "\n"),
)
VALUES = ("", "a", "b, a", "x", "a b, c", "#x", "a #x", "{ a b }", "= a", "é, é")


def texts(*more: str) -> st.SearchStrategy[str]:
    """Files of a few lines, some of which Postfix would not read."""
    pieces = st.lists(st.sampled_from((*PIECES, *more)), max_size=16).map("".join)
    return st.builds(str.__add__, st.sampled_from(BEGINNINGS), pieces)


@st.composite
def documents(draw: st.DrawFn, *more: str) -> MainCf:
    """Documents Postfix can read."""
    text = draw(texts(*more))
    try:
        return MainCf.parse(text)
    except BadFile:
        assume(False)
        raise


def comments(doc: MainCf) -> list[str]:
    """The comment lines of a document."""
    lines = (line.strip(" \t\r") for line in doc.text.split("\n"))
    return [line for line in lines if line.startswith("#")]


@settings(law, max_examples=full(2000))
@given(text=texts("\0", "\v", "\f"))
def test_any_file_is_read_as_postconf_reads_it(text: str, postconf: Postconf) -> None:
    said = postconf.main(text)
    try:
        doc = MainCf.parse(text)
    except BadFile:
        assert ": missing " in said.fatal
        return
    assert doc.render() == text
    for name in NAMES:
        assert doc.get(name) == said.settings.get(name)


@law
@given(doc=documents("\0", "\v"), name=st.sampled_from(NAMES), value=st.text())
def test_an_accepted_value_is_read_back(doc: MainCf, name: str, value: str) -> None:
    try:
        edited = doc.set(name, value)
    except BadValue:
        return
    assert edited.get(name) == value
    assert MainCf.parse(edited.render()).get(name) == value


@settings(law, max_examples=full(600))
@given(doc=documents("\0", "\v"), name=st.sampled_from(NAMES))
@pytest.mark.parametrize("value", VALUES)
def test_a_set_value_is_read_back_and_no_other_changes(
    doc: MainCf, name: str, value: str
) -> None:
    edited = doc.set(name, value)
    assert edited.get(name) == value
    for other in {*doc.names(), *edited.names()} - {name}:
        assert edited.get(other) == doc.get(other)


@law
@given(doc=documents(), value=st.sampled_from(VALUES))
def test_setting_loses_no_comment(doc: MainCf, value: str) -> None:
    assume("#" not in value)
    edited = doc.set("mydomain", value)
    assert comments(edited) == comments(doc)
    assert comments(edited.remove("mydomain")) == comments(doc)


@law
@given(doc=documents(), at=st.integers(0, 9), end=st.booleans())
def test_a_word_put_in_and_taken_out_again_is_undone(
    doc: MainCf, at: int, end: bool
) -> None:
    value = doc.get("mydomain")
    assume(value and "#" not in value)
    words = (value or "").split(" ")
    at = len(words) if end else min(at, len(words))
    longer = " ".join([*words[:at], "new", *words[at:]])
    assert doc.set("mydomain", longer).set("mydomain", value or "") == doc


@law
@given(doc=documents(), at=st.integers(0, 9))
def test_a_rule_put_in_and_taken_out_again_is_undone(doc: MainCf, at: int) -> None:
    rules = doc.rules("mydomain")
    wanted = (*rules[:at], NEW, *rules[at:])
    assume(rules and "#" not in (doc.get("mydomain") or ""))
    try:
        edited = doc.set_rules("mydomain", wanted)
    except BadValue:
        return  # a brace or a restriction before it would swallow the new rule
    assert edited.rules("mydomain") == wanted
    assert edited.set_rules("mydomain", rules) == doc


@law
@given(doc=documents(), choose=st.randoms(use_true_random=False))
def test_any_change_of_rules_is_read_back_and_loses_no_comment(
    doc: MainCf, choose: Random
) -> None:
    present = [*doc.rules("mydomain"), NEW, Rule("permit"), Rule("reject")]
    wanted = choose.sample(present, choose.randint(0, len(present)))
    wanted = [replace(rule, warn=choose.random() < 0.3) for rule in wanted]
    assume(not any("#" in rule.text for rule in present))
    try:
        edited = doc.set_rules("mydomain", wanted)
    except BadValue:
        return  # it would not have read back
    assert edited.rules("mydomain") == tuple(wanted)
    assert comments(edited) == comments(doc)


@law
@given(old=st.text("abc", max_size=8), new=st.text("abc", max_size=8))
def test_what_two_lists_share_is_in_order_and_the_same(old: str, new: str) -> None:
    pairs = common(old, new)
    assert all(old[i] == new[j] for i, j in pairs)
    assert pairs == sorted(set(pairs))
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)


@law
@given(text=st.text("abc", max_size=8), keep=st.lists(st.booleans(), min_size=8))
def test_a_list_shares_all_of_itself_with_a_longer_one(
    text: str, keep: list[bool]
) -> None:
    part = "".join(a for a, kept in zip(text, keep, strict=False) if kept)
    assert len(common(part, text)) == len(part)
    assert common(text, part) == [(j, i) for i, j in common(part, text)]
