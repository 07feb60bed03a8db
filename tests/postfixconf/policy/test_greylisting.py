"""How postgrey is set, as the policy has it and as its options file says it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postfixconf.errors import BadPolicy, BadValue
from postfixconf.policy.greylisting import NAMES, Greylisting
from postfixconf.policy.policy import Policy
from postfixconf.text.postgrey_options import RED_HAT, Options

STOCK = '# Debian\nPOSTGREY_OPTS="--inet=10023"\n'
SETTINGS = st.builds(
    Greylisting,
    delay=st.integers(1, 3599),
    retry_window=st.integers(1, 90 * 24),
    max_age=st.integers(1, 3650),
    auto_whitelist=st.integers(0, 10_000),
    by_host=st.booleans(),
    ipv4=st.integers(8, 32),
    ipv6=st.integers(16, 128),
    text=st.sampled_from(("", "Greylisted for %s seconds", "%r says: later")),
)


@given(SETTINGS, SETTINGS)
def test_what_is_written_is_read_again(one: Greylisting, other: Greylisting) -> None:
    text = one.written(Options.parse(STOCK)).render()
    assert Greylisting.of(Options.parse(text)) == one
    text = other.written(Options.parse(text)).render()
    assert Greylisting.of(Options.parse(text)) == other


@given(SETTINGS)
def test_a_policy_is_told_and_read(settings: Greylisting) -> None:
    policy = Policy(greylisting=settings)
    assert Policy.from_json(policy.as_json()) == policy
    made = Greylisting(retry_window=90 * 24)
    for name in sorted(NAMES, key=lambda each: each == "retry-window"):
        made = made.with_one(name, settings.told(name))
    assert made == settings


def test_a_policy_of_before_has_postgreys_defaults() -> None:
    told = Policy().as_json()
    del told["greylisting"]
    assert Policy.from_json(told).greylisting == Greylisting()


def test_what_is_said_already_stays_as_it_is() -> None:
    text = 'POSTGREY_OPTS="--inet=10023 --retry-window=2 --delay=300 -v"\n'
    assert Greylisting().written(Options.parse(text)).render() == text


def test_zero_means_the_default_but_for_the_clients() -> None:
    text = 'POSTGREY_OPTS="--delay=0 --max-age=0 --auto-whitelist-clients=0"\n'
    found = Greylisting.of(Options.parse(text))
    assert found == Greylisting(auto_whitelist=0)


def test_an_installation_without_a_text_says_so() -> None:
    with pytest.raises(BadValue, match="takes no text"):
        Greylisting(text="Later").written(Options.parse("", RED_HAT))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("delay", "0"),
        ("delay", "86401"),
        ("delay", "five"),
        ("delay", "1\n2"),
        ("retry-window", "0"),
        ("max-age", "99999"),
        ("auto-whitelist", "-1"),
        ("by-host", "perhaps"),
        ("ipv4", "33"),
        ("ipv6", "129"),
        ("text", 'say "no"'),
        ("text", "two\nlines"),
        ("text", "$(reboot)"),
        ("text", "`id`"),
        ("text", "é"),
        ("text", "x" * 201),
        ("colour", "green"),
    ],
)
def test_what_postgrey_cannot_mean_is_refused_and_quoted(name: str, text: str) -> None:
    with pytest.raises(BadPolicy) as refused:
        Greylisting().with_one(name, text)
    assert repr(text)[:60] in str(refused.value) or name in str(refused.value)


def test_a_delay_has_to_end_within_the_retry_window() -> None:
    with pytest.raises(BadPolicy, match="shorter than the retry window"):
        Greylisting(delay=3600, retry_window=1)
