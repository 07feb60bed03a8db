"""mynetworks as entries: read, named, written without a byte too many."""

from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postfixconf.errors import BadFile, BadPolicy, BadValue
from postfixconf.policy.linting.around import Around
from postfixconf.policy.linting.networks import concerns
from postfixconf.policy.networks import (
    Trusted,
    entry_of,
    exclusion_of,
    foreign_kind,
    holds,
    is_broken,
    network_of,
    ordered,
    read_network,
    spelled,
    with_networks,
)
from postfixconf.policy.plan import plan
from postfixconf.policy.policy import Policy
from postfixconf.text.maincf import MainCf
from tests.support.corpus import corpus, text_of
from tests.support.facts import observed

LEVEL = "compatibility_level = 3.6\n"
LAN, V6 = "192.168.1.0/24", "[2001:db8:1::]/64"
FOREIGN = "!10.0.0.9 cidr:/etc/postfix/nets /etc/postfix/more $more localhost 127/8"

networks = st.one_of(
    st.ip_addresses(v=4).flatmap(
        lambda x: st.integers(1, 32).map(lambda n: IPv4Network((x, n), strict=False))
    ),
    st.ip_addresses(v=6).flatmap(
        lambda x: st.integers(1, 128).map(lambda n: IPv6Network((x, n), strict=False))
    ),
)


def edited(text: str, **wanted: bool) -> str:
    """mynetworks of a text with these entries more or less."""
    return with_networks(MainCf.parse(text), wanted).render()


def test_entries_and_the_rest_are_told_apart() -> None:
    main = MainCf.parse(f"mynetworks = 127.0.0.1, [::1]/128 {FOREIGN} [::1/128]\n")
    found = Trusted.of(main)
    assert found.entries == ("127.0.0.1/32", "[::1]/128")
    assert found.foreign == tuple(FOREIGN.split())
    assert found.given


def test_without_the_parameter_nothing_is_given() -> None:
    assert Trusted.of(MainCf.parse("mynetworks_style = host\n")) == Trusted(given=False)


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("192.168.1.20", "192.168.1.20/32"),
        (" 192.168.1.0/24 ", LAN),
        ("[::1]/128", "[::1]/128"),
        ("::1", "[::1]/128"),
        ("FE80::/10", "[fe80::]/10"),
        ("[2001:DB8:1::]/64", V6),
    ],
)
def test_what_somebody_types_has_one_spelling(text: str, entry: str) -> None:
    assert read_network(text) == entry == entry_of(entry)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("192.168.1.20/24", "192.168.1.0/24"),
        ("[2001:db8:1::5]/64", "[2001:db8:1::]/64"),
        ("0.0.0.0/0", "whole internet"),
        ("::/0", "whole internet"),
        ("0.0.0.0", "0.0.0.0/32"),
        ("printer.lan", "neither an address"),
        ("10.0.0.0/255.0.0.0", "neither an address"),
        ("10.0.0.0/33", "neither an address"),
        ("10.0.0.0/8, 10.1.0.0/16", "neither an address"),
        ("fe80::1%eth0", "neither an address"),
        ("!10.0.0.1", "neither an address"),
        ("$mynetworks", "neither an address"),
        ("hash:/etc/passwd", "neither an address"),
        ("10.0.0.1\n0.0.0.0/0", "invisible"),
        ("", "empty"),
    ],
)
def test_what_is_no_network_is_quoted(text: str, said: str) -> None:
    if text == "0.0.0.0":
        assert read_network(text) == said
        return
    with pytest.raises(BadValue) as caught:
        read_network(text)
    assert said in str(caught.value) and repr(text)[1:-1] in str(caught.value)


@given(networks)
def test_every_network_is_read_back_from_its_spelling(
    network: IPv4Network | IPv6Network,
) -> None:
    entry = spelled(network)
    assert network_of(entry) == network
    assert read_network(str(network)) == read_network(entry) == entry


def test_kept_lines_and_comments_stay_where_one_comes() -> None:
    text = "mynetworks = 127.0.0.0/8,\n# office\n    10.0.0.0/8\nx = y\n"
    assert edited(text, **{LAN: True}) == (
        "mynetworks = 127.0.0.0/8,\n# office\n    10.0.0.0/8,\n"
        "    192.168.1.0/24\nx = y\n"
    )


def test_one_that_goes_takes_every_spelling_along_and_nothing_else() -> None:
    text = f"mynetworks = 127.0.0.1 {FOREIGN} 127.0.0.1/32 [127.0.0.1] 10.0.0.0/8\n"
    assert edited(text, **{"127.0.0.1/32": False}) == (
        f"mynetworks = {FOREIGN} 10.0.0.0/8\n"
    )


def test_the_last_one_leaves_an_empty_value() -> None:
    made = MainCf.parse(edited("mynetworks = 127.0.0.1\n", **{"127.0.0.1/32": False}))
    assert made.get("mynetworks") == ""  # absent, mynetworks_style would decide


def test_without_the_parameter_it_is_written_whole() -> None:
    named = {"[::1]/128": True, LAN: True, "127.0.0.0/8": True, "10.0.0.0/8": False}
    assert edited(LEVEL, **named) == (
        f"{LEVEL}mynetworks = 127.0.0.0/8, 192.168.1.0/24, [::1]/128\n"
    )
    assert edited(LEVEL, **{LAN: False}) == LEVEL


def readable(text: str) -> MainCf | None:
    try:
        return MainCf.parse(text)
    except BadFile:
        return None


@pytest.mark.parametrize("path", corpus("main.cf"), ids=lambda path: path.name)
def test_there_and_back_is_the_identity_on_real_files(path: object) -> None:
    main = readable(text_of(path))  # type: ignore[arg-type]
    if main is None:
        return
    more = with_networks(main, {LAN: True, V6: True})
    assert {LAN, V6} <= set(Trusted.of(more).entries)
    assert Trusted.of(more).foreign == Trusted.of(main).foreign
    assert with_networks(main, dict.fromkeys(Trusted.of(main).entries, True)) == main
    if main.get("mynetworks") is not None and LAN not in Trusted.of(main).entries:
        assert with_networks(more, {LAN: False, V6: False}).render() == main.render()


@given(
    st.lists(networks.map(spelled), min_size=1, max_size=6, unique=True),
    st.sampled_from([" ", ", ", ",", ",\n    ", "\n# why\n  ", "\t"]),
    st.lists(st.sampled_from(FOREIGN.split()), max_size=2),
    st.lists(networks.map(spelled), min_size=1, max_size=3, unique=True),
)
def test_there_and_back_is_the_identity(
    there: list[str], gap: str, foreign: list[str], come: list[str]
) -> None:
    come = [each for each in come if each not in there]
    main = MainCf.parse(f"a = b\nmynetworks = {gap.join([*foreign, *there])}\nc = d\n")
    more = with_networks(main, dict.fromkeys(come, True))
    assert Trusted.of(more).entries == (*there, *ordered(come))
    assert with_networks(more, dict.fromkeys(come, False)).render() == main.render()


@given(st.lists(networks.map(spelled), min_size=1, max_size=6, unique=True), st.data())
def test_what_is_taken_out_is_gone_and_the_rest_stays(
    there: list[str], data: st.DataObject
) -> None:
    gone = data.draw(st.sets(st.sampled_from(there)))
    main = MainCf.parse(f"mynetworks = {' '.join(there)}\n")
    less = with_networks(main, dict.fromkeys(gone, False))
    assert Trusted.of(less).entries == tuple(x for x in there if x not in gone)


def test_a_plan_has_the_networks_of_its_policy_and_off_gives_back_the_bytes() -> None:
    seen = observed(f"{LEVEL}mynetworks = 127.0.0.1 {FOREIGN}\n")
    made = plan(Policy(networks={LAN: True}), seen.texts, seen)
    assert f"mynetworks = 127.0.0.1 {FOREIGN} {LAN}\n" in made.after.main
    there = observed(made.after.main)
    assert plan(Policy(), seen.texts, there).after.main == seen.texts.main
    assert plan(Policy(networks={LAN: False}), seen.texts, seen).empty


def test_a_network_that_is_everybody_stops_the_plan() -> None:
    seen = observed(f"{LEVEL}mynetworks = 127.0.0.1\n")
    made = plan(Policy(networks={"0.0.0.0/0": True}), seen.texts, seen)
    assert "mynetworks_everyone" in [each.code for each in made.blocking]


@pytest.mark.parametrize("value", ["::1", "192.168.1.20", "a", "10.0.0.1/8", ""])
def test_a_stored_network_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(BadPolicy):
        Policy.from_json(Policy().as_json() | {"networks": {value: True}})


def test_a_policy_of_before_names_no_network() -> None:
    told = Policy(networks={LAN: True}).as_json()
    assert Policy.from_json(told).networks == {LAN: True}
    del told["networks"]
    assert Policy.from_json(told) == Policy()


@pytest.mark.parametrize(
    ("word", "said", "broken"),
    [
        ("!10.0.0.9", "never trusted", False),
        ("cidr:/etc/postfix/nets", "lookup table", False),
        ("/etc/postfix/more", "in a file", False),
        ("${more}", "other settings", False),
        ("localhost", "no client ever fits", False),
        ("0127.0.0.1", "no client ever fits", False),
        ("127/8", "mend it", True),
        ("10.0.0.1/8", "mend it", True),
        ("[::1/64", "mend it", True),
        ("::1", "mend it", True),
        ("fe80::/10", "mend it", True),
    ],
)
def test_what_is_foreign_is_told_in_words(word: str, said: str, broken: bool) -> None:
    assert said in foreign_kind(word)
    assert is_broken(word) is broken
    assert entry_of(word) == ""


def test_an_exclusion_takes_away_what_lies_in_it() -> None:
    found = Trusted(foreign=("!192.168.1.64/26", "!localhost"))
    assert exclusion_of("192.168.1.65/32", found) == "!192.168.1.64/26"
    assert exclusion_of("192.168.1.0/24", found) == ""
    assert exclusion_of("[::1]/128", found) == ""


@pytest.mark.parametrize(
    ("network", "code"),
    [
        ("12.0.0.0/7", "mynetworks_everyone"),
        ("2000::/3", "mynetworks_everyone"),
        ("172.0.0.0/8", "mynetworks_wide"),
        ("172.17.0.0/16", "mynetworks_gateway"),
        ("192.168.1.0/24", "mynetworks_gateway"),
    ],
)
def test_the_linter_judges_one_network_as_it_judges_main_cf(
    network: str, code: str
) -> None:
    around = Around(gateways=(("192.168.1.1", "this machine's own gateway"),))
    assert [x.code for x in concerns(ip_network(network), around)] == [code]
    assert not list(concerns(ip_network("192.168.2.0/24"), around))


def test_networks_of_two_versions_hold_nothing_of_each_other() -> None:
    assert not holds(ip_network("::/0"), ip_network("10.0.0.0/8"))
    assert holds(ip_network("10.0.0.0/8"), ip_network("10.1.0.0/16"))
