"""What may not enter a configuration, and that the error quotes it."""

import pytest

from postfixconf import MainCf, Rule
from postfixconf.errors import BadValue

DOC = MainCf.parse("smtpd_client_restrictions = permit\n")


@pytest.mark.parametrize(
    "name", ["", "a b", "a=b", "#a", " a", "a\n", "a\nb", "$a", "{a}", "é", "-a", "a\0"]
)
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(BadValue, match="not a parameter name") as caught:
        DOC.set(name, "x")
    assert caught.value.text == name


@pytest.mark.parametrize(
    "name", ["a", "_a", "9p", "policy-spf_time_limit", "x.y_1", "CA"]
)
def test_names_that_postfix_uses_are_accepted(name: str) -> None:
    assert DOC.set(name, "x").get(name) == "x"


@pytest.mark.parametrize(
    "value",
    ["a\nb", "a\r", "a\0b", "a\x1bb", "a\x7f", "a\x85b", "\x0b", "a\nbiff = yes"],
)
def test_a_control_character_is_refused(value: str) -> None:
    with pytest.raises(BadValue, match="control character") as caught:
        DOC.set("mydomain", value)
    assert caught.value.text == value


@pytest.mark.parametrize("value", [" a", "a ", "\ta", " "])
def test_white_space_at_the_ends_is_refused(value: str) -> None:
    with pytest.raises(BadValue, match="white space"):
        DOC.set("mydomain", value)


@pytest.mark.parametrize("value", ["a  b", "a\tb"])
def test_blanks_postfix_would_show_as_one_space_are_refused(value: str) -> None:
    with pytest.raises(BadValue, match="one space"):
        DOC.set("mydomain", value)


def test_a_value_longer_than_100000_characters_is_refused() -> None:
    assert DOC.set("mydomain", "a" * 100_000).get("mydomain") == "a" * 100_000
    with pytest.raises(BadValue, match="100001 characters"):
        DOC.set("mydomain", "a" * 100_001)


def test_undecodable_bytes_pass_only_if_the_file_has_them() -> None:
    doc = MainCf.parse("mydomain = caf\udce9\n")
    assert doc.set("myorigin", "caf\udce9 b").get("myorigin") == "caf\udce9 b"
    for value in ("\udce8", "\udce9\udce9", "\ud800"):
        with pytest.raises(BadValue, match="not UTF-8"):
            doc.set("myorigin", value)


@pytest.mark.parametrize("value", ["#x", "= x", "$x", "{", "x # y", "\u00a0x", "x\\"])
def test_a_value_that_only_looks_odd_is_accepted(value: str) -> None:
    assert DOC.set("mydomain", value).get("mydomain") == value


@pytest.mark.parametrize(
    "rule",
    [
        Rule(""),
        Rule("permit\nbiff = yes"),
        Rule("a b"),
        Rule("a,b"),
        Rule("#a"),
        Rule("permit", "argument"),
        Rule("warn_if_reject", warn=True),
        Rule("reject_rbl_client", ""),
        Rule("reject_rbl_client", "a b"),
        Rule("reject_rbl_client", "a\x1b"),
        Rule("check_policy_service", "{ inet:a:1"),
        Rule("check_policy_service", "} inet:a:1 {"),
        Rule("check_policy_service", "{ inet:a:1 }, reject"),
    ],
)
def test_a_rule_that_would_not_read_back_is_refused(rule: Rule) -> None:
    with pytest.raises(BadValue):
        DOC.set_rules("smtpd_client_restrictions", [rule, Rule("permit")])


def test_a_rule_without_its_argument_would_swallow_the_next() -> None:
    with pytest.raises(BadValue, match="read back"):
        DOC.set_rules("x", [Rule("reject_rbl_client"), Rule("permit")])


def test_an_odd_rule_the_file_holds_may_stay() -> None:
    doc = MainCf.parse("x = permit # us\n")
    rules = (*doc.rules("x"), Rule("reject"))
    assert doc.set_rules("x", rules).render() == "x = permit # us reject\n"
