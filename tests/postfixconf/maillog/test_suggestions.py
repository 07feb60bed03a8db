"""Whom to whitelist: single cases, and worlds in which the truth is known."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from publicsuffixlist import PublicSuffixList

from postfixconf.maillog.hostnames import is_line, narrowest, servers
from postfixconf.maillog.suggestions import Kind, Sign, Suggestion, suggestions
from postfixconf.maillog.triplets import Triplet, Triplets, network_of
from tests.support.greylist_world import SEEDS, World, covers, world

START = datetime(2026, 3, 2, tzinfo=UTC)
LATER = START + timedelta(days=1)
TO = ("bob@practice.test", "carol@practice.test")
FIRST = 20  # suggestions that an administrator looks at

organisation = cache(PublicSuffixList().privatesuffix)


def tried(
    name: str,
    address: str,
    minutes: float,
    *,
    sender: str = "alice@big.example",
    recipient: str = TO[0],
    again: float = 0,
    tries: int = 1,
    early: int = 0,
    passed: bool = False,
) -> Triplet:
    """A triplet first seen after `minutes`, and for `again` minutes more."""
    first, length = START + timedelta(minutes=minutes), timedelta(minutes=again)
    return Triplet(
        *(network_of(address) or "", sender, recipient, first, first + length),
        *(tries, early, first + length if passed else None),
        int(length.total_seconds()) if passed else None,
        (address,),
        (name,),
    )


def pool(recipient: str = TO[0]) -> list[Triplet]:
    """One message from three networks."""
    return [
        tried("a.out.big.example", "192.0.2.7", 0, recipient=recipient),
        tried("b.out.big.example", "198.51.100.7", 9, recipient=recipient),
        tried("c.out.big.example", "203.0.113.7", 30, recipient=recipient),
    ]


def hasty(name: str, address: str, **how: object) -> list[Triplet]:
    """Four tries within the delay, to each of two people, and then no more."""
    how = {"again": 4, "tries": 4, "early": 3} | how
    return [tried(name, address, 0, recipient=to, **how) for to in TO]  # type: ignore[arg-type]


def found(triplets: Iterable[Triplet]) -> list[Suggestion]:
    return suggestions(triplets, organisation, LATER)


def test_a_pool_is_found_with_its_evidence() -> None:
    (one,) = found(pool() + pool(TO[1]))
    assert (one.kind, one.who, one.lines) == (
        *(Kind.POOL, "big.example", ("out.big.example",)),
    )
    assert set(one.signs) == set(Sign)
    seen = one.evidence
    assert (seen.messages, seen.tries, seen.networks, seen.recipients) == (2, 6, 3, 2)
    assert seen.waited == 30 * 60


def test_who_gives_up_too_soon_is_found() -> None:
    (one,) = found(hasty("mx.big.example", "192.0.2.7"))
    assert (one.kind, one.lines) == (Kind.NEVER_PASSED, ("mx.big.example",))
    assert (one.evidence.lost, one.evidence.early) == (2, 6)


def test_a_message_that_may_still_pass_is_not_lost() -> None:
    seen = [each._replace(early=1) for each in hasty("mx.big.example", "192.0.2.7")]
    now = START + timedelta(minutes=10)
    assert suggestions(seen, organisation, now) == []


def test_who_comes_back_too_early_is_found() -> None:
    (one,) = found(hasty("mx.big.example", "192.0.2.7", again=8, passed=True))
    assert (one.kind, one.evidence.lost) == (Kind.EARLY_RETRY, 0)


def test_who_waits_as_asked_is_not_suggested() -> None:
    patient = {"again": 6, "tries": 2, "early": 0, "passed": True}
    assert found(hasty("mx.big.example", "192.0.2.7", **patient)) == []


def test_who_never_tries_again_is_not_suggested() -> None:
    once = [
        tried("mx.big.example", "192.0.2.7", n, recipient=f"u{n}@x") for n in range(99)
    ]
    assert found(once) == []


def test_a_hammer_is_not_suggested() -> None:
    assert (
        found(hasty("mx.big.example", "192.0.2.7", again=2, early=20, tries=21)) == []
    )


def test_a_botnet_that_forges_one_sender_is_not_suggested() -> None:
    sender = {"sender": "alice@forged.example", "again": 9}
    bots = [hasty(f"mx.home{n}.example", f"10.0.{n}.1", **sender) for n in range(3)]
    assert found([each for bot in bots for each in bot]) == []
    assert len(found(bots[0])) == 1


def test_customers_lines_are_no_pool() -> None:
    lines = [
        tried(f"{n}-2-0-192.isp.example", f"192.0.2.{n}", n, sender="a@isp.example")
        for n in range(9)
    ]
    assert found(lines) == []


def test_a_pool_beside_customers_lines_is_named_host_by_host() -> None:
    line = tried(
        "7-100-51-198.out.big.example", "198.51.100.7", 0, sender="x@y.example"
    )
    (one,) = found([*pool(), *pool(TO[1]), line])
    assert one.lines == tuple(f"{n}.out.big.example" for n in "abc")


def test_a_neighbour_in_the_same_network_widens_nothing() -> None:
    seen = [each._replace(names=("mx.other.example", *each.names)) for each in pool()]
    (one,) = found(seen)
    assert one.lines == ("out.big.example",)


def test_a_public_suffix_is_never_suggested() -> None:
    seen = [*pool(), *pool(TO[1])]
    seen = [each._replace(names=(f"{n}.co.uk",)) for n, each in enumerate(seen)]
    assert [each for each in found(seen) if each.lines == ("co.uk",)] == []


def test_a_patient_sender_without_a_name_stands_by_its_address() -> None:
    (one,) = found(hasty("unknown", "192.0.2.7", again=40))
    assert (one.who, one.lines) == ("192.0.2.0/24", ("192.0.2.7",))


def test_more_signs_stand_first() -> None:
    nameless = hasty("unknown", "203.0.113.9", again=40)
    one, other = found([*nameless, *pool(), *pool(TO[1])])
    assert (one.kind, other.kind) == (Kind.POOL, Kind.NEVER_PASSED)


def test_who_is_whitelisted_is_not_suggested_again() -> None:
    passes = tried("a.out.big.example", "192.0.2.7", 60)._replace(
        sender="", recipient=""
    )
    assert found([*pool(), passes]) == []
    later = pool(TO[1])
    assert found([*pool(), passes._replace(first=START), *later]) != []


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("7-2-0-192.isp.example", "192.0.2.7"),
        ("host192-0-2-7.isp.example", "192.0.2.7"),
        ("c0000207.isp.example", "192.0.2.7"),
        ("ip192000002007.isp.example", "192.0.2.7"),
        ("x.dsl.isp.example", "192.0.2.7"),
        ("dyn.isp.example", "192.0.2.7"),
        ("p2001-db8-12-34.isp.example", "2001:db8:12:34::1"),
    ],
)
def test_a_customers_line_is_told_by_its_name(name: str, address: str) -> None:
    assert is_line(name, (address,))
    assert servers([name], (address,)) == []


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("mail-wm1-f51.google.com", "209.85.128.51"),
        ("a8-31.smtp-out.amazonses.com", "54.240.8.31"),
        ("mx1.good.example", "192.0.2.1"),
    ],
)
def test_a_numbered_mail_server_is_no_line(name: str, address: str) -> None:
    assert servers([name.upper()], (address,)) == [name]


@pytest.mark.parametrize(
    "name", ["unknown", "", "a b.example", "#.example", "é.example"]
)
def test_what_is_no_host_name_is_never_suggested(name: str) -> None:
    assert servers([name], ("192.0.2.7",)) == []


def test_one_host_is_named_whole() -> None:
    assert narrowest(["mx.good.example"], []) == ("mx.good.example",)


@dataclass(frozen=True)
class Outcome:
    """What the ranking made of a world."""

    truth: World
    found: list[Suggestion]

    def share(self, wanted: frozenset[str], *kinds: Kind) -> float:
        """How many of those wanted were found."""
        seen = {each.who for each in self.found if not kinds or each.kind in kinds}
        return len(wanted & seen) / len(wanted)

    def spam(self) -> list[int]:
        """The ranks, from 0, that would let a spammer in."""
        ranked = enumerate(self.found)
        return [n for n, each in ranked if covers(each.lines, self.truth.strangers)]


@pytest.fixture(scope="module")
def outcomes() -> dict[int, Outcome]:
    """The ranking of every world."""
    made = {}
    for seed in SEEDS:
        truth, known = world(seed), Triplets()
        for at, record in truth.events:
            known.feed(at, record)
        now = truth.events[-1][0] + timedelta(days=1)
        ranked = suggestions(known.rows.values(), organisation, now)
        made[seed] = Outcome(truth, ranked)
    return made


def test_pools_are_found_in_every_world(
    outcomes: dict[int, Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        for seed, it in outcomes.items():
            print(  # noqa: T201
                f"\nseed {seed}: {len(it.found)} suggestions, of pools"
                f" {it.share(it.truth.pools, Kind.POOL):.0%}, early"
                f" {it.share(it.truth.early):.0%}, never {it.share(it.truth.never):.0%}"
                f" found; spammers at {it.spam() or 'no rank'}",
                end="",
            )
    for it in outcomes.values():
        assert it.share(it.truth.pools, Kind.POOL) >= 0.95


def test_no_spammer_is_among_the_first_in_any_world(
    outcomes: dict[int, Outcome],
) -> None:
    for it in outcomes.values():
        assert [rank for rank in it.spam() if rank < FIRST] == []


def test_who_was_only_learnt_is_not_suggested(outcomes: dict[int, Outcome]) -> None:
    for it in outcomes.values():
        assert it.truth.learning.isdisjoint(each.who for each in it.found)


def test_most_impatient_senders_are_found(outcomes: dict[int, Outcome]) -> None:
    shares = [it.share(it.truth.early | it.truth.never) for it in outcomes.values()]
    assert sum(shares) / len(shares) >= 0.9
