"""MainCf.set_rules: the smallest edit of a restriction list, byte for byte."""

from dataclasses import replace

import pytest

from postfixconf import MainCf, Rule
from postfixconf.text.rules import parse_list

NEW = Rule("reject_rbl_client", "zen.example")


def changed(text: str, wanted: str) -> str:
    """The text after `a` is set to the list `wanted`; it must read back."""
    doc = MainCf.parse(text).set_rules("a", parse_list(wanted))
    assert doc.rules("a") == parse_list(wanted)
    return doc.render()


def test_equal_rules_change_nothing() -> None:
    doc = MainCf.parse("a = permit ,\n# c\n  Warn_If_Reject reject\n")
    assert doc.set_rules("a", doc.rules("a")) is doc


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = p, r\n", "a = p, X, r\n"),
        ("a = p r\n", "a = p X r\n"),
        ("a = p,r\n", "a = p,X,r\n"),
        ("a =\n\tp,\n\tr\n", "a =\n\tp,\n\tX,\n\tr\n"),
        ("a = p\n  r\n", "a = p\n  X\n  r\n"),
        ("a = p\n  , r\n", "a = p\n  , X\n  , r\n"),
        ("a = p,\r\n    r\r\n", "a = p,\r\n    X,\r\n    r\r\n"),
        ("a = p, # c\n", "a = p, X, # c\n"),
    ],
)
def test_a_rule_in_between_follows_the_lists_style(text: str, expected: str) -> None:
    doc = MainCf.parse(text)
    rules = doc.rules("a")
    edited = doc.set_rules("a", (rules[0], NEW, *rules[1:]))
    assert edited.render() == expected.replace("X", NEW.text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = p, r\n", "a = p, r, X\n"),
        ("a = r\n", "a = r, X\n"),
        ("a =\n    r\n", "a =\n    r,\n    X\n"),
        ("a =\n    p,\n    r", "a =\n    p,\n    r,\n    X"),
        ("a = p,\n    r,\n", "a = p,\n    r,\n    X,\n"),
        ("a = p,\n    r   \n", "a = p,\n    r,   \n    X\n"),
        ("a = p\n  , r\n", "a = p\n  , r\n  , X\n"),
        ("a = p\n    r\n# c\n", "a = p\n    r\n    X\n# c\n"),
        ("a = p, r,\n", "a = p, r, X,\n"),
    ],
)
def test_a_rule_at_the_end_follows_the_lists_style(text: str, expected: str) -> None:
    doc = MainCf.parse(text)
    edited = doc.set_rules("a", (*doc.rules("a"), NEW))
    assert edited.render() == expected.replace("X", NEW.text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = p, r\n", "a = X, p, r\n"),
        ("a=r\n", "a=X, r\n"),
        ("a = p,\n    r\n", "a = X,\n    p,\n    r\n"),
        ("a =\n    p,\n    r\n", "a =\n    X,\n    p,\n    r\n"),
        ("a =\n# c\n  p,\n  r\n", "a =\n  X,\n# c\n  p,\n  r\n"),
    ],
)
def test_a_rule_at_the_front_follows_the_lists_style(text: str, expected: str) -> None:
    doc = MainCf.parse(text)
    edited = doc.set_rules("a", (NEW, *doc.rules("a")))
    assert edited.render() == expected.replace("X", NEW.text)


def test_a_rule_put_in_stands_before_the_comment_on_the_next() -> None:
    text = "a = p,\n    # about r\n    r\n"
    assert changed(text, "p, x, r") == "a = p,\n    x,\n    # about r\n    r\n"


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("a = p, q, r\n", "p, r", "a = p, r\n"),
        ("a = p, q, r\n", "q, r", "a = q, r\n"),
        ("a = p, q, r\n", "p, q", "a = p, q\n"),
        ("a = p, q,\n", "p", "a = p,\n"),
        ("a = p,\n    q,\n    r\n", "p, r", "a = p,\n    r\n"),
        ("a = p,\n    q,\n    r\n", "p, q", "a = p,\n    q\n"),
        ("a = p,\n    q,\n    r,\n", "p, q", "a = p,\n    q,\n"),
        ("a = p,\n    q,\n    r\n", "q, r", "a = q,\n    r\n"),
        ("a =\n    p,\n    q,\n    r\n", "q, r", "a =\n    q,\n    r\n"),
        ("a = p\n  , q\n  , r\n", "p, r", "a = p\n  , r\n"),
        ("a = p\n  , q\n  , r\n", "p, q", "a = p\n  , q\n"),
        ("a = p, q,\n    r, s\n", "p, r, s", "a = p,\n    r, s\n"),
        ("a = p, q,\n    r, s\n", "p, q, s", "a = p, q,\n    s\n"),
        ("a = p,\r\n    q\r\n", "p", "a = p\r\n"),
    ],
)
def test_a_rule_taken_out_takes_its_line_and_its_comma(
    text: str, wanted: str, expected: str
) -> None:
    assert changed(text, wanted) == expected


def test_comments_around_a_rule_taken_out_stay() -> None:
    text = "a = p,\n# one\n    q,\n# two\n    r\n# three\n"
    assert changed(text, "p, r") == "a = p,\n# one\n# two\n    r\n# three\n"
    assert changed(text, "p, q") == "a = p,\n# one\n    q\n# two\n# three\n"
    assert changed(text, "q, r") == "a =\n# one\n    q,\n# two\n    r\n# three\n"


def test_comments_inside_a_rule_taken_out_stay() -> None:
    text = "a = p,\n    reject_rbl_client\n# zone\n    a.example,\n    r\n"
    assert changed(text, "p, r") == "a = p,\n# zone\n    r\n"


def test_taking_every_rule_out_leaves_an_empty_value_and_the_comments() -> None:
    doc = MainCf.parse("a = p,\n# c\n    q\nb = 1\n").set_rules("a", ())
    assert doc.render() == "a =\n# c\nb = 1\n"
    assert doc.rules("a") == ()


def test_a_rule_in_anothers_place_takes_its_line() -> None:
    text = "a = p,\n    # lists\n    reject_rbl_client a,  # c\n    r\n"
    wanted = "p, reject_rbl_client b, #, c, r"
    assert changed(text, wanted) == text.replace("client a", "client b")


def test_a_rule_that_moves_leaves_the_others_alone() -> None:
    text = "a = p,\n    # q\n    q,\n    r\n"
    assert changed(text, "q, r, p") == "a =\n    # q\n    q,\n    r,\n    p\n"


@pytest.mark.parametrize(
    ("off", "on"),
    [
        ("a = p, Reject_X\n", "a = p, warn_if_reject Reject_X\n"),
        ("a = p,\n# c\n  reject_x,\n", "a = p,\n# c\n  warn_if_reject reject_x,\n"),
        ("a = reject_rbl_client\n  z\n", "a = warn_if_reject reject_rbl_client\n  z\n"),
    ],
)
def test_a_rule_goes_on_trial_and_back_by_one_word(off: str, on: str) -> None:
    doc = MainCf.parse(off)
    *others, last = doc.rules("a")
    trial = doc.set_rules("a", (*others, replace(last, warn=True)))
    assert trial.render() == on
    assert trial.set_rules("a", (*others, last)) == doc


def test_warn_if_reject_in_any_spelling_is_taken_out() -> None:
    assert changed("a = WARN_IF_REJECT,\n   q, r\n", "q, r") == "a = q, r\n"
    text = "a = p\n  warn_if_reject\n  # soon\n  q\n"
    assert "# soon\n  q\n" in changed(text, "p, q")


def test_an_absent_list_is_appended_one_rule_a_line() -> None:
    doc = MainCf.parse("b = 1").set_rules("a", parse_list("p, check_x_access y:z, r"))
    assert doc.render() == "b = 1\na = p,\n    check_x_access y:z,\n    r\n"


def test_leading_permits_share_the_first_line_of_a_new_list() -> None:
    permits = "permit_mynetworks, permit_sasl_authenticated"
    assert changed("", f"{permits}, r") == f"a = {permits},\n    r\n"
    assert changed("a =\r\n", f"{permits}, r") == f"a = {permits},\r\n    r\r\n"


def test_an_absent_list_of_no_rules_stays_absent() -> None:
    doc = MainCf.parse("b = 1\n")
    assert doc.set_rules("a", ()) is doc


def test_an_appended_list_removed_again_restores_the_bytes() -> None:
    doc = MainCf.parse("b = 1\n# end\n")
    assert doc.set_rules("a", parse_list("p, q")).remove("a") == doc


def test_a_rule_in_braces_over_several_lines_keeps_them() -> None:
    text = "a = p,\n    check_policy_service { x,\n# c\n        y },\n    r\n"
    doc = MainCf.parse(text)
    rules = doc.rules("a")
    edited = doc.set_rules("a", (rules[0], NEW, *rules[1:]))
    assert edited.render() == text.replace("p,\n", f"p,\n    {NEW.text},\n")
    assert edited.set_rules("a", rules) == doc


def test_the_same_rule_twice_is_kept_apart() -> None:
    doc = MainCf.parse("a = q, # c\n   q,\n   p, q\n")
    rules = doc.rules("a")
    edited = doc.set_rules("a", (NEW, *rules, NEW))
    assert edited.set_rules("a", rules) == doc
