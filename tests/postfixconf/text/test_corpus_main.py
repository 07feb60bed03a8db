"""Every main.cf of the corpus: read as Postfix reads it, edited losslessly."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from postfixconf import MainCf, Rule
from postfixconf.errors import BadFile
from postfixconf.text.lines import newline_of
from tests.support.corpus import corpus, text_of
from tests.support.postconf import Postconf, Said

FILES = corpus("main.cf")
WORD = "mailguard.example"
NEW_RULE = Rule("reject_rbl_client", "zen.mailguard.example=127.0.0.[2..11]")
KNOWN, UNKNOWN = "smtpd_reject_footer", "mailguard_test"
# Parameters whose value postconf does not act upon while it prints others.
INERT = ("_restrictions", "mynetworks", "mydestination", "banner", "_domains")

# `warn_if_reject` taken out and put in again is in small letters, one blank on.
UNUSUAL_WARN = {
    "restrictions_in_capitals.main.cf",
    "warn_if_reject_on_its_own_line.main.cf",
}
# Never shown by postconf -n: each daemon sets it for itself.
HIDDEN = {"service_name"}
# Files Postfix reads and then refuses for what a value means. They are compared
# with that one parameter overridden.
REFUSED_FOR_MEANING = {
    "AMTC+aiolinux01__1.main.cf": "inet_interfaces=all",  # a name that is gone
    "theory+my-cap__3.main.cf": "inet_interfaces=all",  # the same
    "asahinadev+linux-config__2.main.cf": "smtpd_banner=x",  # a lone `$`
    "lone_dollar.main.cf": "smtpd_banner=x",  # the same, our own
}


def name_of(path: Path) -> str:
    """A file's name, to tell the cases apart."""
    return path.name


def options_for(path: Path) -> list[str]:
    """What postconf needs to get past a value it refuses."""
    override = REFUSED_FOR_MEANING.get(path.name)
    return ["-o", override] if override else []


def is_readable(path: Path) -> bool:
    """Whether the library reads the file; Postfix agrees, see the first test."""
    try:
        MainCf.parse(text_of(path))
    except BadFile:
        return False
    return True


every = pytest.mark.parametrize("path", FILES, ids=name_of)
each_readable = pytest.mark.parametrize(
    "path", [path for path in FILES if is_readable(path)], ids=name_of
)


@pytest.fixture(scope="module")
def printed(postconf: Postconf) -> dict[Path, Said]:
    """What `postconf -n` says of every file."""
    return {path: postconf.main(text_of(path), *options_for(path)) for path in FILES}


@every
def test_a_file_is_refused_exactly_where_postfix_refuses_it(
    path: Path, printed: dict[Path, Said]
) -> None:
    refused = "none"
    try:
        MainCf.parse(text_of(path))
    except BadFile as problem:
        refused = f"/main.cf, line {problem.line}: missing "
    assert refused in (printed[path].fatal or "none")


@each_readable
def test_rendering_gives_back_every_byte(path: Path) -> None:
    rendered = MainCf.parse(text_of(path)).render()
    assert rendered.encode("utf-8", "surrogateescape") == path.read_bytes()


@each_readable
def test_get_is_what_postconf_prints(
    path: Path, printed: dict[Path, Said], postconf: Postconf
) -> None:
    doc, options = MainCf.parse(text_of(path)), options_for(path)
    known = printed[path].settings
    for override in options:
        known.pop(override.partition("=")[0], None)
    assert known == {name: doc.get(name) for name in known}
    postconf.write("main.cf", doc.text)
    assert postconf.values(list(known), *options) == list(known.values())


@each_readable
def test_every_name_is_known_or_unused_to_postconf(
    path: Path, printed: dict[Path, Said]
) -> None:
    names = MainCf.parse(text_of(path)).names()
    unknown = {name.replace("\ufeff", "???") for name in names}
    assert unknown - printed[path].settings.keys() - HIDDEN == printed[path].unused


@each_readable
def test_setting_shows_in_postconf_as_these_changes_alone(
    path: Path, printed: dict[Path, Said], postconf: Postconf
) -> None:
    doc, options = MainCf.parse(text_of(path)), options_for(path)
    name = longest_inert(doc, options)
    value = f"{WORD} {doc.get(name) or ''}".rstrip()
    edited = doc.set(KNOWN, WORD).set(name, value)
    after = postconf.main(edited.text, *options).settings
    assert after == printed[path].settings | {KNOWN: WORD, name: value}


@each_readable
def test_setting_leaves_every_byte_outside_the_assignment(path: Path) -> None:
    doc = MainCf.parse(text_of(path))
    last = {found.name: found for found in doc.assignments}
    for name in some(doc):
        edited = doc.set(name, f"{WORD} b").text
        spans = last[name].line.spans
        assert edited[: spans[0][0]] == doc.text[: spans[0][0]]
        assert edited.endswith(doc.text[spans[-1][1] :])


@each_readable
def test_a_word_put_in_and_taken_out_restores_the_bytes(path: Path) -> None:
    doc = MainCf.parse(text_of(path))
    for name in some(doc):
        value = doc.get(name) or ""
        for longer in (f"{value} {WORD}", f"{WORD} {value}"):
            restored = doc.set(name, longer.strip()).set(name, value) == doc
            assert restored or loses(doc, name) in ("blanks", "text after NUL")


@each_readable
def test_another_value_and_the_old_one_again_restore_the_bytes(path: Path) -> None:
    doc = MainCf.parse(text_of(path))
    for name in some(doc):
        restored = doc.set(name, WORD).set(name, doc.get(name) or "") == doc
        assert restored or loses(doc, name)


def loses(doc: MainCf, name: str) -> str:
    """What of a value's writing one word in its place cannot bring back."""
    start, end = next(
        found.region(doc.text)
        for found in reversed(doc.assignments)
        if found.name == name
    )
    raw, value = doc.text[start:end], doc.get(name) or ""
    if "\0" in raw:
        return "text after NUL"
    if not value:
        return "blanks" if raw else ""
    return "" if value in raw else "runs of blanks, or lines"


@each_readable
def test_a_setting_appended_and_removed_restores_the_bytes(path: Path) -> None:
    text = text_of(path)
    back = MainCf.parse(text).set(UNKNOWN, WORD).remove(UNKNOWN).render()
    ended = text == "" or text.endswith("\n")
    assert back == (text if ended else text + newline_of(text))


@each_readable
def test_removing_takes_the_name_and_nothing_else(path: Path) -> None:
    doc = MainCf.parse(text_of(path))
    for name in some(doc):
        without = doc.remove(name)
        assert comments(without) == comments(doc)
        left = [found for found in doc.assignments if found.name != name]
        assert [(found.name, found.value) for found in left] == [
            (found.name, found.value) for found in without.assignments
        ]


@each_readable
def test_setting_the_same_value_is_the_identity(path: Path) -> None:
    doc = MainCf.parse(text_of(path))
    for name in some(doc):
        assert doc.set(name, doc.get(name) or "") is doc
        assert doc.set_rules(name, doc.rules(name)) is doc


@each_readable
def test_a_rule_put_in_and_taken_out_restores_the_bytes(path: Path) -> None:
    doc = MainCf.parse(text_of(path))
    for name, rules in lists(doc):
        for at in {0, len(rules) // 2, len(rules) - 1, len(rules)}:
            edited = doc.set_rules(name, (*rules[:at], NEW_RULE, *rules[at:]))
            assert edited.get(name) != doc.get(name)
            assert comments(edited) == comments(doc)
            assert edited.set_rules(name, rules) == doc


@each_readable
def test_a_rule_on_trial_and_enforced_again_restores_the_bytes(path: Path) -> None:
    doc = MainCf.parse(text_of(path))
    for name, rules in lists(doc):
        for at, rule in enumerate(rules):
            turned = replace(rule, warn=not rule.warn)
            edited = doc.set_rules(name, (*rules[:at], turned, *rules[at + 1 :]))
            restored = edited.set_rules(name, rules) == doc
            assert restored or path.name in UNUSUAL_WARN


@each_readable
def test_a_rule_taken_out_leaves_comments_and_the_other_rules(path: Path) -> None:
    doc = MainCf.parse(text_of(path))
    for name, rules in lists(doc):
        for at in range(len(rules)):
            left = rules[:at] + rules[at + 1 :]
            edited = doc.set_rules(name, left)
            assert edited.rules(name) == left
            assert comments(edited) == comments(doc)


def lists(doc: MainCf) -> Iterator[tuple[str, tuple[Rule, ...]]]:
    """The restriction lists of a document that hold something."""
    for name in doc.names():
        if name.endswith("_restrictions") and doc.rules(name):
            yield name, doc.rules(name)


def comments(doc: MainCf) -> list[str]:
    """The document's comment lines."""
    return [line for line in doc.text.split("\n") if line.lstrip().startswith("#")]


def settable(doc: MainCf, name: str) -> bool:
    """Whether `set` takes this name and this value, were they typed by hand.

    It does not take the names of unfilled templates, and no value with control
    characters or with bytes that are not UTF-8: those can only stay.
    """
    if {"%", "\ufeff"} & set(name):
        return False
    return not re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", doc.get(name) or "")


def some(doc: MainCf) -> list[str]:
    """Every name set over several lines, and at most seven of the others."""
    names = [name for name in doc.names() if settable(doc, name)]
    lines = {found.name: len(found.line.spans) for found in doc.assignments}
    short = [name for name in names if lines[name] == 1]
    long = [name for name in names if lines[name] > 1]
    return long + short[:: len(short) // 7 + 1]


def longest_inert(doc: MainCf, options: list[str]) -> str:
    """The inert parameter written over most lines; an absent one if none."""
    lines = {
        found.name: len(found.line.spans)
        for found in doc.assignments
        if found.name.endswith(INERT) and settable(doc, found.name)
    }
    lines = {name: lines[name] for name in lines if f"{name}=x" not in options}
    return max(lines, key=lambda name: lines[name], default=KNOWN)
