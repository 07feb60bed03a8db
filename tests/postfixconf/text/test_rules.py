"""Restriction lists taken apart as smtpd takes them apart."""

import pytest

from postfixconf.text.rules import Rule, parse_list, split_list


def split(value: str) -> list[str]:
    """The items of a list."""
    return [value[start:end] for start, end in split_list(value)]


def test_commas_and_blanks_separate_items() -> None:
    assert split(" a, b\tc ,, d\r\n,e") == ["a", "b", "c", "d", "e"]


def test_braces_keep_an_item_together() -> None:
    assert split("a { b, c { d } } e{f g}h") == ["a", "{ b, c { d } }", "e{f g}h"]


def test_a_brace_without_its_partner_takes_the_rest() -> None:
    assert split("a {b c, d") == ["a", "{b c, d"]


def test_a_closing_brace_alone_is_a_letter() -> None:
    assert split("a}{b c} d") == ["a}{b c}", "d"]


def test_other_white_space_is_part_of_a_word() -> None:
    assert split("a\x0bb\x0cc \u00a0d") == ["a\x0bb\x0cc", "\u00a0d"]


@pytest.mark.parametrize(
    "name",
    [
        "check_client_access",
        "Check_Reverse_Client_Hostname_Access",
        "check_policy_service",
        "reject_rbl_client",
        "reject_rhsbl_helo",
        "permit_dnswl_client",
        "sleep",
    ],
)
def test_a_restriction_with_an_argument_takes_the_next_item(name: str) -> None:
    assert parse_list(f"{name} x, permit") == (Rule(name, "x"), Rule("permit"))


def test_warn_if_reject_binds_to_the_next_item_only() -> None:
    rules = parse_list("WARN_IF_REJECT reject_rbl_client a.example, reject")
    assert rules == (
        Rule("reject_rbl_client", "a.example", warn=True),
        Rule("reject"),
    )


def test_warn_if_reject_that_binds_to_nothing_is_kept() -> None:
    assert parse_list("permit warn_if_reject") == (
        Rule("permit"),
        Rule("warn_if_reject"),
    )
    assert parse_list("warn_if_reject warn_if_reject reject") == (
        Rule("warn_if_reject"),
        Rule("reject", warn=True),
    )


def test_a_missing_argument_is_none() -> None:
    assert parse_list("reject_rbl_client") == (Rule("reject_rbl_client"),)


def test_a_policy_service_in_braces_is_one_argument() -> None:
    text = "check_policy_service { inet:127.0.0.1:10023, timeout=5s }"
    (rule,) = parse_list(text)
    assert rule.argument == "{ inet:127.0.0.1:10023, timeout=5s }"
    assert rule.text == text


def test_a_rules_key_ignores_case_and_its_text_does_not() -> None:
    rule = Rule("Reject_RBL_Client", "A.example", warn=True)
    assert rule.key == "reject_rbl_client"
    assert rule.text == "warn_if_reject Reject_RBL_Client A.example"
    assert rule.enforced() == Rule("Reject_RBL_Client", "A.example")
