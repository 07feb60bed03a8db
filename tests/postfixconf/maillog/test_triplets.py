"""What becomes of a triplet, line by line."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postfixconf.maillog.attempt import Attempt, Outcome
from postfixconf.maillog.records import Client, Greylisted
from postfixconf.maillog.triplets import (
    MOST,
    Cut,
    Triplet,
    Triplets,
    key_of,
    network_of,
)
from tests.support.merged import merged

START = datetime(2026, 3, 2, tzinfo=UTC)
CLIENT = Client("mx.good.example", "192.0.2.7")
SENDER, RECIPIENT = "alice@good.example", "bob@practice.test"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def said(
    reason: str,
    client: Client = CLIENT,
    sender: str = SENDER,
    seconds: int | None = None,
) -> Greylisted:
    action = "greylist" if reason in ("new", "early-retry") else "pass"
    return Greylisted(action, reason, client, sender, RECIPIENT, seconds)


def after(*lines: tuple[float, Greylisted | Attempt]) -> list[Triplet]:
    known = Triplets()
    for seconds, record in lines:
        known.feed(at(seconds), record)
    return [*known.rows.values()]


def attempt(outcome: Outcome, **what: Any) -> Attempt:
    usual = {"sender": SENDER, "recipient": RECIPIENT, "outcome": outcome}
    return merged(START, CLIENT, **(usual | what))


def test_a_triplet_waits_until_it_passes() -> None:
    lines = (0, said("new")), (60, said("early-retry")), (400, said("triplet found"))
    (found,) = after(*lines)
    assert (found.tries, found.early, found.passed) == (3, 1, at(400))
    assert (found.first, found.last, found.delay) == (START, at(400), 400)


@pytest.mark.parametrize(
    ("cut", "back", "delays"),
    [
        (Cut(), "192.0.77.9", [None]),
        (Cut(16, 64), "192.0.77.9", [400]),
        (Cut(32, 128), "192.0.2.8", [None]),
        (Cut(32, 128), "192.0.2.7", [400]),
    ],
)
def test_servers_that_postgrey_takes_for_one_are_one(
    cut: Cut, back: str, delays: list[int | None]
) -> None:
    known = Triplets(cut=cut)
    known.feed(at(0), said("new"))
    known.feed(at(400), said("triplet found", Client("mx2.good.example", back)))
    assert [each.delay for each in known.rows.values()] == delays


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.7", "192.0.0.0/16"), ("2001:db8:1:2::7", "2001:db8:1::/48")],
)
def test_a_network_is_as_wide_as_postgrey_is_set(address: str, network: str) -> None:
    assert network_of(address, Cut(16, 48)) == network
    assert network_of("unknown", Cut(16, 48)) is None


def test_the_delay_is_what_postgrey_counted_where_that_is_less() -> None:
    (found,) = after((0, said("new")), (400, said("triplet found", seconds=310)))
    assert found.delay == 310


def test_a_pass_without_a_beginning_says_nothing() -> None:
    assert after((0, said("triplet found", seconds=500))) == []
    assert after((0, said("client AWL"))) == []


def test_a_triplet_that_is_new_again_begins_again() -> None:
    (found,) = after(
        (0, said("new")), (60, said("early-retry")), (300_000, said("new"))
    )
    assert (found.first, found.tries, found.early) == (at(300_000), 1, 0)


def test_the_pass_of_a_later_message_is_no_wait() -> None:
    lines = (0, said("new")), (60, said("early-retry")), (90_000, said("triplet found"))
    (found,) = after(*lines)
    assert (found.passed, found.delay, found.last) == (at(90_000), None, at(60))


def test_lines_read_twice_count_once() -> None:
    lines = (0, said("new")), (60, said("early-retry")), (400, said("triplet found"))
    assert after(*lines, *lines) == after(*lines)


@pytest.mark.parametrize(
    "decided",
    [
        attempt(Outcome.ACCEPTED, warned=("reject_rbl_client x", "greylisting")),
        attempt(Outcome.REFUSED, control="reject_rbl_client x"),
    ],
)
def test_what_greylisting_did_not_decide_is_no_wait(decided: Attempt) -> None:
    assert after((0, said("new")), (0, decided)) == []


def test_a_pass_after_days_of_learning_is_no_wait() -> None:
    let_in = attempt(Outcome.ACCEPTED, warned=("greylisting",))
    lines = (0, said("new")), (0, let_in), (9_000, said("triplet found", seconds=9_000))
    assert after(*lines) == []


def test_an_attempt_that_was_put_off_or_accepted_changes_nothing() -> None:
    waited = after((0, said("new")))
    put_off = attempt(Outcome.PUT_OFF, control="greylisting")
    assert after((0, said("new")), (0, put_off)) == waited
    assert after((0, said("new")), (0, attempt(Outcome.ACCEPTED))) == waited


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("news-1234@good.example", "NEWS-99@Good.example"),
        ("alice+7f3a@good.example", "alice@good.example"),
        ("prvs=0123456789=alice@good.example", "alice@good.example"),
        ("prvs=alice=0123456789@good.example", "alice@good.example"),
    ],
)
def test_senders_are_compared_as_postgrey_compares_them(one: str, other: str) -> None:
    assert key_of(said("new", sender=one)) == key_of(said("new", sender=other))


def test_a_network_is_24_bits_wide_or_64_of_ipv6() -> None:
    assert network_of("192.0.2.7") == "192.0.2.0/24"
    assert network_of("2001:db8:1:2:3::4") == "2001:db8:1:2::/64"


@pytest.mark.parametrize("address", ["", "unknown", "1.2.3.4/24", "evil\nline"])
def test_what_is_no_address_is_no_triplet(address: str) -> None:
    assert after((0, said("new", Client("h", address)))) == []


def test_a_line_without_recipient_is_no_triplet() -> None:
    line = said("new")._replace(recipient=None)
    assert after((0, line)) == []


def test_only_the_last_clients_are_kept() -> None:
    hosts = [Client(f"h{n}.x.example", f"192.0.2.{n}") for n in range(MOST + 5)]
    (found,) = after(*((n, said("early-retry", host)) for n, host in enumerate(hosts)))
    assert found.clients == tuple(host.address for host in hosts[-MOST:])
    assert found.names == tuple(host.name for host in hosts[-MOST:])


def test_a_network_on_the_whitelist_is_one_row() -> None:
    (found,) = after((0, said("client whitelist")), (9, said("client whitelist")))
    assert (found.is_whitelisted, found.first, found.last) == (True, START, at(9))
