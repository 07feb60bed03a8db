"""References in a value, expanded as Postfix expands them."""

from pathlib import Path

import pytest

from postfixconf.text.expansion import expanded
from postfixconf.text.maincf import MainCf
from tests.support.postconf import Postconf

NAMES = "empty =\nfull = words\nchain = <$full>\n"


@pytest.mark.parametrize(
    "value",
    [
        "$full, $(full) and ${full}",
        "$chain",
        "<${full?yes}><${empty?yes}>",
        "<${full:no}><${empty:no}>",
        "${full?{$chain}:{no}} ${empty?{yes}:{$chain}}",
        "${full ? {yes} : {no}}",
        "${empty:{${full?{in}:{out}}}}",
        "hash:$empty/$full.db",
    ],
)
def test_a_value_is_expanded_as_postfix_does(value: str, tmp_path: Path) -> None:
    text = f"{NAMES}myhostname = {value}\n"
    postconf, main = Postconf(tmp_path), MainCf.parse(text)
    postconf.main(text)
    assert postconf.values(["myhostname"], "-x") == [
        expanded(main.get("myhostname") or "", main.get)
    ]


@pytest.mark.parametrize(
    "value", ["$x", "$(x)", "${x}", "${x?yes}", "${x ? {a} : {b}}", "${{x} == {y}?{a}}"]
)
def test_what_nobody_knows_stays_as_it_is(value: str) -> None:
    assert expanded(value, lambda _: None) == value


def test_what_is_known_inside_it_is_expanded_all_the_same() -> None:
    assert expanded("${stress?$full}", {"full": "words"}.get) == "${stress?words}"


def test_a_dollar_that_is_meant_stays_two() -> None:
    assert expanded("/^(.*)$$/ $$1 $", {"1": "x"}.get) == "/^(.*)$$/ $$1 $"


def test_a_value_that_names_itself_comes_to_an_end() -> None:
    assert expanded("$a", {"a": "b $a"}.get) == "b $a"
    assert expanded("$a", {"a": "$b" * 50, "b": "$a" * 50}.get) == "$a" * 2_500


def test_a_long_value_is_expanded_too() -> None:
    assert expanded("$a" * 5_000, {"a": "b"}.get) == "b" * 5_000
