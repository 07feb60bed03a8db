"""Entries: one spelling of each value, and nothing in it that could mean more."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postfixconf.errors import BadValue, quoted
from postfixconf.policy.entries import (
    GREY,
    Entry,
    Kind,
    Lookup,
    Side,
    keys_of,
    read_value,
)
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.sources import lines
from postfixconf.text.access import lines_of
from postfixconf.text.postgrey_lists import parse

POSTFIX = [kind for kind in Kind if kind not in GREY]
FORBIDDEN = re.compile(r"[\s#${}\x00-\x1f\x7f\"`|\\<>]")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("client", " 192.0.2.7 ", "192.0.2.7"),
        ("client", "192.0.2.7/32", "192.0.2.7"),
        ("client", "192.0.2.77/24", "192.0.2.0/24"),
        ("client", "[192.0.2.7]", "192.0.2.7"),
        ("client", "2001:DB8:0:0::1", "2001:db8::1"),
        ("client", "[IPv6:2001:db8::1]", "2001:db8::1"),
        ("client", "2001:db8::1/48", "2001:db8::/48"),
        ("client_name", ".Mail.Example.ORG.", "mail.example.org"),
        ("sender", "<Bob.O'Hara+x@Example.org>", "bob.o'hara+x@example.org"),
        ("sender", "news@", "news@"),
        ("sender", "info@München.example", "info@xn--mnchen-3ya.example"),
        ("sender_domain", "@Example.org", "example.org"),
        ("sender_domain", ".example.org", "example.org"),
        ("sender_domain", "MÜNCHEN.example", "xn--mnchen-3ya.example"),
        ("helo", "Laptop", "laptop"),
        ("helo", "[192.0.2.7]", "[192.0.2.7]"),
        ("helo", "[IPv6:2001:DB8::0:1]", "[ipv6:2001:db8::1]"),
        ("helo", "192.0.2.7", "192.0.2.7"),
        ("helo", ".example.org", "example.org"),
    ],
)
def test_a_value_has_one_spelling(kind: str, text: str, value: str) -> None:
    assert read_value(Kind(kind), text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((kind.value, text) for kind in Kind for text in ("", "  ", "a\nb.example")),
        *(
            (kind.value, text)
            for kind in Kind
            for text in ("a b.example", "$x.example")
        ),
        ("client", "example.org"),
        ("client", "192.0.2"),
        ("client", "192.0.2.7/33"),
        ("client", "0.0.0.0/0"),
        ("client", "::/0"),
        ("client", "fe80::1%eth0"),
        ("client", "::ffff:192.0.2.7"),
        ("client_name", "localhost"),
        ("client_name", "192.0.2.7"),
        ("client_name", "-a.example"),
        ("sender", "example.org"),
        ("sender", "@example.org"),
        ("sender", "a@b"),
        ("sender", '"a b"@example.org'),
        ("sender", "a{b}@example.org"),
        ("sender", "a|b@example.org"),
        ("sender", "a#b@example.org"),
        ("sender", "<>"),
        ("sender", f"{'a' * 65}@example.org"),
        ("sender", "bücher@example.org"),
        ("sender_domain", "a..example"),
        ("sender_domain", f"{'a.' * 130}example"),
        ("helo", "[300.0.2.7]"),
        ("helo", "a{b"),
        ("helo", "# note"),
    ],
)
def test_a_refusal_quotes_what_was_typed(kind: str, text: str) -> None:
    with pytest.raises(BadValue) as caught:
        read_value(Kind(kind), text)
    assert caught.value.text == text
    assert str(caught.value).startswith(quoted(text))


@pytest.mark.parametrize("words", [("maybe", "helo", "a"), ("allow", "ip", "a")])
def test_an_unknown_side_or_kind_is_quoted(words: tuple[str, str, str]) -> None:
    with pytest.raises(BadValue, match=r"^'(maybe|ip)': an entry is"):
        Entry.read(*words)


@pytest.mark.parametrize(
    ("kind", "value", "lookup"),
    [
        ("client", "192.0.2.7", Lookup.CLIENTS),
        ("client", "192.0.2.0/24", Lookup.NETWORKS),
        ("client", "2001:db8::1", Lookup.NETWORKS),  # an index answers for its parts
        ("client_name", "mx.example.org", Lookup.CLIENTS),
        ("sender", "a@", Lookup.ACCESS),
        ("sender_domain", "example.org", Lookup.ACCESS),
        ("helo", "laptop", Lookup.HELO),
    ],
)
def test_an_entry_knows_its_table(kind: str, value: str, lookup: Lookup) -> None:
    assert Entry.read("deny", kind, value).lookup == lookup


@pytest.mark.parametrize(
    ("value", "dotted", "keys"),
    [
        ("example.org", False, ["example.org"]),
        ("example.org", True, ["example.org", ".example.org"]),
        ("a@example.org", True, ["a@example.org"]),
        ("192.0.2.7", True, ["192.0.2.7"]),
        ("2001:db8::/48", True, ["2001:db8::/48"]),
        ("[ipv6:2001:db8::1]", True, ["[ipv6:2001:db8::1]"]),
        ("u@", True, ["u@"]),
        (
            "u@xn--mnchen-3ya.example",
            False,
            ["u@xn--mnchen-3ya.example", "u@münchen.example"],
        ),
    ],
)
def test_a_value_has_its_keys(value: str, dotted: bool, keys: list[str]) -> None:
    assert list(keys_of(value, dotted=dotted)) == keys


@pytest.mark.parametrize("side", Side)
def test_an_entry_answers_with_one_of_two_words(side: Side) -> None:
    entry = Entry.read(side, "helo", "laptop")
    assert entry.action in ("permit_auth_destination", "REJECT")
    assert (entry.action == "REJECT") is (side is Side.DENY)


WORDS = "a example . @ - _ 192.0.2.7 2001:db8:: / 24 [ ] < > ipv6: xn-- mnchen-3ya"
SIGNS = "ü ß İ 。 + $ { } # ` | \\ \" ' % = \x00 \u2028 \u00a0".split(" ")
PIECES = st.sampled_from([*WORDS.split(), *SIGNS, " ", "\n", "\t", "\r\n", "\x1c"])
SOUND = st.sampled_from(
    ["192.0.2.0/24", "2001:db8::1", "mx.example.org", "a.b+c@example.org", "u@"]
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A sound value with pieces put into it, or none at all."""
    text = draw(SOUND)
    for piece in draw(st.lists(PIECES, max_size=2)):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + piece + text[at:]
    return text


TEXTS = st.one_of(
    st.text(max_size=30), st.lists(PIECES, max_size=8).map("".join), damaged()
)


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(POSTFIX), st.sampled_from(Side), TEXTS, st.booleans())
def test_whatever_is_accepted_is_one_plain_line(
    kind: Kind, side: Side, text: str, dotted: bool
) -> None:
    try:
        entry = Entry.read(side, kind, text)
    except BadValue as cause:
        assert cause.text == text
        return
    assert read_value(kind, entry.value) == entry.value
    assert not FORBIDDEN.search(entry.value)
    made = "".join(lines(entry.lookup, [entry], OwnDomains(), dotted=dotted))
    read = [(line.key, line.action) for line in lines_of(made)]
    keys = [*keys_of(entry.value, dotted=dotted)]
    assert read == [(key.lower(), entry.action) for key in keys]
    assert made.splitlines() == [f"{key} {entry.action}" for key in keys]


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from([*GREY]), TEXTS)
def test_whatever_greylisting_shall_let_through_is_one_plain_line(
    kind: Kind, text: str
) -> None:
    try:
        entry = Entry.read("allow", kind, text)
    except BadValue as cause:
        assert cause.text == text
        return
    assert read_value(kind, entry.value) == entry.value
    made = list(lines(entry.lookup, [entry], OwnDomains(), dotted=False))
    assert made[-1] == f"{entry.value}\n"
    assert parse("".join(made), GREY[kind]).entries[-1].text == entry.value


def test_greylisting_has_no_deny_list() -> None:
    with pytest.raises(BadValue, match="'deny': greylisting has no deny list"):
        Entry.read("deny", "grey_client", "mail.example.com")


@pytest.mark.parametrize("name", ["xn--strae-oqa.de", "xn--fa-hia.de", "xn--a.org"])
def test_an_a_label_that_idna_2003_does_not_know_has_one_key(name: str) -> None:
    value = read_value(Kind.SENDER_DOMAIN, name)
    assert list(keys_of(value, dotted=False)) == [name]


def test_a_name_that_would_become_another_owners_is_refused() -> None:
    with pytest.raises(BadValue, match="straße"):
        read_value(Kind.SENDER_DOMAIN, "straße.de")
