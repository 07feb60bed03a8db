"""Physical lines to logical lines, checked against postconf where it decides."""

import pytest

from postfixconf.text.lines import folded, logical_lines, newline_of, terminated
from tests.support.postconf import Postconf


def texts(document: str) -> list[str]:
    """The joined texts of a document's logical lines."""
    return [line.text for line in logical_lines(document)]


def test_a_line_that_begins_with_white_space_continues() -> None:
    assert texts("a = 1,\n\t2\nb = 3\n") == ["a = 1,\t2", "b = 3"]


def test_comments_and_blank_lines_end_nothing() -> None:
    assert texts("a = 1\n\n# c\n   # d\n \t\n 2\n") == ["a = 1 2"]


def test_continuation_at_the_beginning_of_a_file_is_dropped() -> None:
    assert texts(" a = 1\n# c\n b = 2\nc = 3\n") == ["c = 3"]


def test_a_missing_final_newline_loses_nothing() -> None:
    assert texts("a = 1\n  2") == ["a = 1  2"]


def test_a_carriage_return_is_text_until_somebody_trims_it() -> None:
    assert texts("a = 1\r\n 2\r\n\r\n") == ["a = 1\r 2\r"]


def test_only_a_newline_ends_a_line() -> None:
    assert texts("a = 1\rb = 2\x0bc\x0cd\x85e\u2028f") == [
        "a = 1\rb = 2\x0bc\x0cd\x85e\u2028f"
    ]


def test_text_after_nul_does_not_exist() -> None:
    assert texts("a = 1\0 2\n 3\nb = 4\n") == ["a = 1", "b = 4"]


def test_nothing_but_comments_is_no_line() -> None:
    assert texts("# a\n\n  # b") == texts("") == texts("\n") == []


@pytest.mark.parametrize("blank", ["\t", "\v", "\f", "\r"])
def test_any_ascii_white_space_continues_a_line(blank: str, postconf: Postconf) -> None:
    text = f"mydomain = a\n{blank}b\nmyorigin = c\n"
    shown = folded(texts(text)[0])
    assert postconf.main(text).lines == [shown, "myorigin = c"]


@pytest.mark.parametrize("letter", ["\u00a0", "\u3000", "\x85", "\x1c", "\0"])
def test_no_other_character_is_white_space(letter: str) -> None:
    assert len(texts(f"a = 1\n{letter}b = 2\n")) == 2


def test_a_lines_number_is_that_of_its_first_physical_line() -> None:
    lines = logical_lines("# c\n\na = 1\n 2\n# d\nb = 3\n")
    assert [line.line for line in lines] == [3, 6]


def test_an_offset_leads_back_to_the_document() -> None:
    document = "# c\na = 1,\n# d\n  22\n"
    (line,) = logical_lines(document)
    assert line.raw(document, line.text.index("22"), len(line.text)) == "22"
    assert line.raw(document, 4, len(line.text)) == "1,\n# d\n  22"


def test_taking_a_line_out_leaves_the_comments_inside_it() -> None:
    document = "a = 1\nb = 2,\n# c\n\n  3\n# d\nc = 4\n"
    line = list(logical_lines(document))[1]
    assert line.without(document) == "a = 1\n# c\n\n# d\nc = 4\n"


def test_folding_is_what_postconf_does_to_blanks(postconf: Postconf) -> None:
    value = 'a  b\t{ c   d }  "e   f" \t'
    assert postconf.main(f"mydomain = {value}\n").settings["mydomain"] == folded(value)


@pytest.mark.parametrize(
    ("document", "newline"),
    [("", "\n"), ("a", "\n"), ("a\r\nb", "\r\n"), ("a\r\nb\n", "\n"), ("\n", "\n")],
)
def test_a_new_last_line_ends_as_the_one_before(document: str, newline: str) -> None:
    assert newline_of(document) == newline


@pytest.mark.parametrize(
    ("document", "ended"),
    [
        ("", ""),
        ("a", "a\n"),
        ("a\n", "a\n"),
        ("a\r\nb", "a\r\nb\r\n"),
        ("a\r", "a\r\n"),
    ],
)
def test_a_document_is_ended_in_its_own_style(document: str, ended: str) -> None:
    assert terminated(document) == ended
