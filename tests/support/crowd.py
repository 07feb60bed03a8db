"""Entries and envelopes that meet often: few names, many ways to combine them."""

from hypothesis import strategies as st

from postfixconf.policy.entries import GREY, Entry, Kind, Side
from postfixconf.policy.matching import Envelope

__all__ = ["entries", "envelopes"]

NAMES = (
    "a.example",
    "b.a.example",
    "c.b.a.example",
    "ba.example",
    "mx1.a.example",
    "d.example",
    "xn--mnchen-3ya.example",
)
ADDRESSES = (
    "192.0.2.7",
    "192.0.2.70",
    "192.0.3.7",
    "198.51.100.1",
    "2001:db8::1",
    "2001:db8::1:2",
    "2001:db8:0:1::1",
    "2001:db8:0:1:2:3:4:5",
    "2001:db9::",
)
LOCALS = ("u", "u+x", "u+x+y", "+u", "u+", "v", "owner-u+x", "postmaster+x", "a.b")
GREETINGS = (*NAMES, "short", "[192.0.2.7]", "[IPv6:2001:db8::1]", "192.0.2.7")


@st.composite
def networks(draw: st.DrawFn) -> str:
    """An address, or a network around it."""
    address = draw(st.sampled_from(ADDRESSES))
    if draw(st.booleans()):
        return address
    return f"{address}/{draw(st.integers(8, 127 if ':' in address else 31))}"


@st.composite
def values(draw: st.DrawFn, kind: Kind) -> str:
    """What somebody types as an entry of this kind."""
    match kind:
        case Kind.CLIENT:
            return draw(networks())
        case Kind.SENDER:
            domain = draw(st.sampled_from(("", *NAMES)))
            return f"{draw(st.sampled_from(LOCALS))}@{domain}"
        case Kind.HELO:
            return draw(st.sampled_from(GREETINGS))
        case _:
            return draw(st.sampled_from(NAMES))


@st.composite
def one(draw: st.DrawFn) -> Entry:
    """One entry."""
    kind = draw(st.sampled_from([each for each in Kind if each not in GREY]))
    return Entry.read(draw(st.sampled_from(Side)), kind, draw(values(kind)))


def entries() -> st.SearchStrategy[list[Entry]]:
    """Entries as they are stored: a value stands once in a table."""
    return st.lists(
        one(), min_size=3, max_size=25, unique_by=lambda each: (each.lookup, each.value)
    )


@st.composite
def envelopes(draw: st.DrawFn) -> Envelope:
    """Who sends what, now and then in capitals, without a name or as a bounce."""
    local, domain = draw(st.sampled_from(LOCALS)), draw(st.sampled_from(NAMES))
    sender = draw(st.sampled_from(("", f"{local}@{domain}", f"{local}@x.{domain}")))
    name = draw(st.sampled_from(("", *NAMES)))
    helo = draw(st.sampled_from(GREETINGS))
    if draw(st.booleans()):
        sender, name, helo = sender.upper(), name.upper(), helo.upper()
    return Envelope(draw(st.sampled_from(ADDRESSES)), name, helo, sender, "+")
