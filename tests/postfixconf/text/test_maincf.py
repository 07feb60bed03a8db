"""MainCf: finding a value, changing it in place, adding and removing."""

import pytest

from postfixconf import MainCf
from postfixconf.errors import BadFile


def changed(text: str, name: str, value: str) -> str:
    """The text after one `set`."""
    return MainCf.parse(text).set(name, value).render()


def test_the_last_assignment_counts() -> None:
    doc = MainCf.parse("a = 1\nb = 2\na = 3\n")
    assert doc.get("a") == "3"
    assert doc.names() == ("a", "b")


def test_an_absent_name_is_none_and_an_empty_value_is_not() -> None:
    doc = MainCf.parse("a =\n")
    assert (doc.get("a"), doc.get("b")) == ("", None)


def test_a_value_of_several_lines_is_read_with_single_blanks() -> None:
    doc = MainCf.parse("a = 1,\r\n\t 2,  \n# 3\n   4   \n")
    assert doc.get("a") == "1, 2, 4"


def test_references_are_not_expanded() -> None:
    assert MainCf.parse("a = ${b?{c}:$d}\n").get("a") == "${b?{c}:$d}"


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = 1\nb\n c\n", 2), ("= 1\n", 1), ("# c\n\na b = 1\n", 3), ("\0\n", 1)],
)
def test_a_line_postfix_cannot_read_is_named(text: str, line: int) -> None:
    with pytest.raises(BadFile, match=f"main.cf, line {line}: missing") as caught:
        MainCf.parse(text)
    assert caught.value.line == line


def test_a_document_prints_and_compares_by_its_text() -> None:
    assert MainCf.parse("a = 1\n") == MainCf.parse("a = 1\n")
    assert repr(MainCf.parse("a = 1\n")) == "MainCf(text='a = 1\\n')"


@pytest.mark.parametrize(
    "before", ["a=", "a =", "a  =  ", "a\t=\t", "a\n =", "a =\n  "]
)
def test_the_spelling_before_a_value_stays(before: str) -> None:
    assert changed(f"{before}1\nb = 2\n", "a", "3") == f"{before}3\nb = 2\n"


@pytest.mark.parametrize("after", ["  \n", "\r\n", " \t\r\n", "", "\n# c\n"])
def test_the_bytes_after_a_value_stay(after: str) -> None:
    assert changed(f"a = 1{after}", "a", "3") == f"a = 3{after}"


def test_only_the_last_of_several_assignments_is_edited() -> None:
    assert changed("a = 1\na = 2\nb = 3\n", "a", "4") == "a = 1\na = 4\nb = 3\n"


def test_a_value_equal_word_for_word_changes_nothing() -> None:
    doc = MainCf.parse("a = 1,\n# c\n    2\n")
    assert doc.set("a", "1, 2") is doc


def test_words_that_stay_keep_their_lines_and_comments() -> None:
    text = "a = 1,\n# two\n    2,\n# three\n    3\n"
    assert changed(text, "a", "1, 2, 4") == "a = 1,\n# two\n    2,\n# three\n    4\n"


def test_a_word_added_at_the_end_goes_where_the_last_ones_go() -> None:
    assert changed("a = 1,\n    2\n", "a", "1, 2, 3") == "a = 1,\n    2,\n    3\n"
    assert changed("a = 1, 2\n", "a", "1, 2, 3") == "a = 1, 2, 3\n"


def test_a_word_added_in_between_stands_before_the_next_ones_comment() -> None:
    text = "a = 1\n# three\n    3\n"
    assert changed(text, "a", "1 2 3") == "a = 1\n    2\n# three\n    3\n"


def test_comments_of_words_that_go_stay_as_comments() -> None:
    text = "a = 1,\n# two\n    2,\n\n  # three\n    3\nb = 4\n"
    assert changed(text, "a", "x") == "a = x\n# two\n\n  # three\nb = 4\n"
    assert changed(text, "a", "") == "a =\n# two\n\n  # three\nb = 4\n"


def test_a_word_that_would_begin_a_comment_is_kept_off_the_line_start() -> None:
    doc = MainCf.parse("a =\n# c\n    1\nb = 2\n").set("a", "#1")
    assert doc.render() == "a = #1\n# c\nb = 2\n"
    assert doc.get("a") == "#1"


def test_windows_line_ends_inside_a_value_stay() -> None:
    text = "a = 1\r\n    2\r\n    3\r\n"
    assert changed(text, "a", "1 2 3 4") == "a = 1\r\n    2\r\n    3\r\n    4\r\n"
    assert changed(text, "a", "x") == "a = x\r\n"


@pytest.mark.parametrize(
    ("empty", "filled"),
    [("a =\n", "a = 1\n"), ("a=\n", "a=1\n"), ("a =\r\n", "a = 1\r\n")],
)
def test_filling_and_emptying_a_value_restores_the_bytes(
    empty: str, filled: str
) -> None:
    assert changed(empty, "a", "1") == filled
    assert changed(filled, "a", "") == empty


def test_blanks_after_an_empty_values_equals_sign_are_not_restored() -> None:
    assert changed("a = \n", "a", "1") == "a = 1\n"
    assert changed("a = 1\n", "a", "") == "a =\n"


def test_an_absent_name_is_appended_at_the_margin() -> None:
    assert changed("a = 1\n", "b", "2") == "a = 1\nb = 2\n"
    assert changed("", "b", "2") == "b = 2\n"
    assert changed("a = 1\n", "b", "") == "a = 1\nb =\n"


@pytest.mark.parametrize(
    "last", ["a = 1", "# comment", "a = 1,\n    2", "  lost", "\t"]
)
def test_a_missing_final_newline_is_added_first(last: str) -> None:
    assert changed(last, "b", "2") == f"{last}\nb = 2\n"


def test_an_appended_line_ends_as_the_files_others_do() -> None:
    assert changed("a = 1\r\n", "b", "2") == "a = 1\r\nb = 2\r\n"
    assert changed("a = 1\r\n# x", "b", "2") == "a = 1\r\n# x\r\nb = 2\r\n"


def test_removing_takes_every_assignment_with_its_lines() -> None:
    doc = MainCf.parse("a = 1\nb = 2,\n    3\na = 4\nb\n = 5")
    assert doc.remove("b").render() == "a = 1\na = 4\n"
    assert doc.remove("c") == doc


def test_removing_leaves_comments_and_glues_nothing_on() -> None:
    text = "a = 1\nb = 2,\n# c\n\n    # d\n    3\n# e\nc = 4\n"
    without = MainCf.parse(text).remove("b")
    assert without.render() == "a = 1\n# c\n\n    # d\n# e\nc = 4\n"
    assert without.get("a") == "1"


def test_bytes_that_are_not_utf8_survive_an_edit() -> None:
    raw = b"# \xff\xfe\na = \xe4\nb = 1\n"
    doc = MainCf.parse(raw.decode("utf-8", "surrogateescape")).set("b", "2")
    edited = doc.render().encode("utf-8", "surrogateescape")
    assert edited == b"# \xff\xfe\na = \xe4\nb = 2\n"


def test_a_mark_before_the_first_name_makes_it_another_name() -> None:
    doc = MainCf.parse("\ufeffa = 1\n")
    assert doc.get("a") is None
    assert doc.set("a", "2").render() == "\ufeffa = 1\na = 2\n"


def test_a_long_value_is_edited_in_reasonable_time() -> None:
    networks = [f"10.{n // 250}.{n % 250}.0/24" for n in range(2_000)]
    doc = MainCf.parse(f"a = {' '.join(networks)}\n")
    value = " ".join(reversed(networks))
    assert doc.set("a", value).get("a") == value
