"""Pins: added, refused, removed, and what a rehearsal tries for each of them."""

import json
from typing import Any

import pytest
from django.db import IntegrityError

from mailguard.accounts.models import User
from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.lists import pins
from mailguard.lists.models import Pin
from postfixconf.errors import BadValue
from postfixconf.policy.probes import Expect, Probe
from tests.support.traffic import seen

ALWAYS, NEVER = Expect.ACCEPT, Expect.REFUSE
FULL = {
    "client_address": "192.0.2.7",
    "client_name": "mx1.example.org",
    "helo": "mx1.example.org",
    "sender": "bob@example.org",
    "recipient": "alice@practice.test",
}


def pin(actor: Actor, **fields: Any) -> Pin:
    """One envelope pinned."""
    return pins.add_envelope(probe=Probe(**(FULL | fields)), actor=actor, note="why")


def pin_domain(actor: Actor, domain: str, expect: Expect = ALWAYS) -> Pin:
    """A domain pinned."""
    return pins.add_domain(domain=domain, expect=expect, actor=actor)


def senders(limit: int = pins.RECORDED) -> list[str]:
    """Who is tried."""
    return [each.probe.sender for each in pins.probes(limit)]


def test_an_envelope_is_tried_with_what_it_expects(db: None, alice: Actor) -> None:
    row = pin(alice, expect=NEVER, service="submission", sasl_username="anna")
    (found,) = pins.probes()
    assert found.pin == row
    texts = {"service": "submission", "sasl_username": "anna"}
    assert found.probe == Probe(**FULL, **texts, expect=NEVER)


def test_what_expects_nothing_must_get_through(db: None, alice: Actor) -> None:
    assert pin(alice).expect == "accept"


def test_a_reject_is_a_refusal_of_any_kind(db: None, alice: Actor) -> None:
    assert pin(alice, expect=Expect.REJECT).probe.expect is NEVER


def test_to_be_put_off_is_nothing_to_pin(db: None, alice: Actor) -> None:
    with pytest.raises(BadValue, match=r"'defer': a pin expects accept"):
        pin(alice, expect=Expect.DEFER)


@pytest.mark.parametrize("reverse", [None, "", "host-7.example"])
def test_a_reverse_name_comes_back_as_it_was(
    db: None, alice: Actor, reverse: str | None
) -> None:
    pin(alice, reverse_client_name=reverse)
    assert Pin.objects.get().probe.reverse_client_name == reverse


@pytest.mark.parametrize(
    "same",
    [
        {},
        {"expect": NEVER},
        {"helo": "MX1.Example.org"},
        {"reverse_client_name": "mx1.example.org"},
    ],
)
def test_the_same_envelope_is_not_pinned_twice(
    db: None, alice: Actor, same: dict[str, Any]
) -> None:
    pin(alice)
    with pytest.raises(BadValue, match="is pinned already: must always get through"):
        pin(alice, **same)
    assert (Pin.objects.count(), Change.objects.count()) == (1, 1)


def test_one_ipv6_address_has_many_spellings(db: None, alice: Actor) -> None:
    pin(alice, client_address="2001:db8::7")
    with pytest.raises(BadValue, match="pinned already"):
        pin(alice, client_address="2001:0DB8:0:0::0007")
    pin(alice, client_address="2001:db8::8")


@pytest.mark.parametrize(
    "other",
    [
        {"helo": "x"},
        {"sender": ""},
        {"service": "submission"},
        {"sasl_username": "anna"},
        {"reverse_client_name": ""},
        {"client_name": ""},
    ],
)
def test_another_envelope_is_another_pin(
    db: None, alice: Actor, other: dict[str, Any]
) -> None:
    pin(alice)
    pin(alice, **other)


def test_the_same_domain_is_not_pinned_twice_nor_both_ways(
    db: None, alice: Actor
) -> None:
    pin_domain(alice, "Example.COM")
    with pytest.raises(
        BadValue, match=r"'example\.com': is pinned already: must always"
    ):
        pin_domain(alice, "@example.com", NEVER)


@pytest.mark.parametrize(
    "bad", [{"client_address": "fe80::1%eth0"}, {"sender": "\ud800@example.org"}]
)
def test_what_no_pin_can_hold_is_quoted(
    db: None, alice: Actor, bad: dict[str, str]
) -> None:
    with pytest.raises(BadValue) as raised:
        pin(alice, **bad)
    assert raised.value.text == next(iter(bad.values()))
    assert not Pin.objects.exists()


def test_the_database_takes_no_pin_twice(db: None, alice: Actor) -> None:
    row = pin(alice)
    row.pk = None
    with pytest.raises(IntegrityError):
        row.save(force_insert=True)


def test_adding_and_removing_are_on_record(db: None, alice: Actor) -> None:
    row = pin(alice)
    line = json.dumps(row.probe.as_json())
    pins.remove(row=row, actor=alice, reason="left us")
    removed, added = Change.objects.all()
    assert added.what == removed.what == "pin bob@example.org to alice@practice.test"
    assert added.after == removed.before == f"must always get through: {line}"
    assert (added.reason, removed.reason, removed.after) == ("why", "left us", "")
    assert removed.actor_name == "alice"
    assert not Pin.objects.exists()


def test_what_was_removed_can_be_had_again_from_the_record(
    db: None, alice: Actor
) -> None:
    row = pin(alice, sender="\u202ebob\xe9@example.org")
    pins.remove(row=row, actor=alice, reason="a mistake")
    line = Change.objects.all()[0].before.partition(": ")[2]
    again = pins.add_envelope(probe=Probe.from_line(line), actor=alice)
    assert again.probe == row.probe


def test_endless_texts_fit_into_the_record(db: None, alice: Actor) -> None:
    row = pin(alice, sender="é" * 512, helo="h" * 512, recipient="r" * 512)
    pins.remove(row=row, actor=alice, reason="too long")
    change = Change.objects.all()[0]
    assert (len(change.what), len(change.before)) == (300, 1000)


def test_a_pin_outlives_who_made_it(db: None, alice: Actor, user: User) -> None:
    pin(alice)
    user.delete()
    assert Pin.objects.get().author_name == "alice"


def test_a_domain_tries_what_got_through_or_was_only_warned_of(
    db: None, alice: Actor
) -> None:
    seen(40, sender="fine@example.org")
    seen(30, sender="warned@example.org", warned="helo")
    seen(20, sender="forged@example.org", outcome="refused", control="helo")
    row = pin_domain(alice, "example.org")
    assert senders() == ["warned@example.org", "fine@example.org"]
    assert {each.pin for each in pins.probes()} == {row}
    assert {each.probe.expect for each in pins.probes()} == {ALWAYS}


def test_never_tries_all_on_which_the_envelope_decided(db: None, alice: Actor) -> None:
    seen(40, sender="slipped@example.org")
    seen(30, sender="stopped@example.org", outcome="refused", control="helo")
    pin_domain(alice, "example.org", NEVER)
    assert senders() == ["stopped@example.org", "slipped@example.org"]
    assert {each.probe.expect for each in pins.probes()} == {NEVER}


def test_a_domain_tries_the_last_few(db: None, alice: Actor) -> None:
    for number in range(30):
        seen(60 - number, sender=f"a{number}@example.org")
    pin_domain(alice, "example.org")
    assert len(senders()) == 20
    assert senders(2) == ["a29@example.org", "a28@example.org"]


def test_a_domain_covers_those_below_and_none_beside(db: None, alice: Actor) -> None:
    for ago, domain in ((3, "news.a.example"), (2, "a.example"), (1, "ba.example")):
        seen(ago, sender=f"x@{domain}")
    pin_domain(alice, "a.example")
    assert senders() == ["x@a.example", "x@news.a.example"]


def test_a_domain_in_another_script_is_found_as_it_is_written(
    db: None, alice: Actor
) -> None:
    seen(sender="x@bücher.example")
    pin_domain(alice, "bücher.example")
    assert senders() == ["x@bücher.example"]


def test_the_nearest_pin_decides(db: None, alice: Actor) -> None:
    for domain in ("a.example", "news.a.example", "x.news.a.example"):
        seen(sender=f"x@{domain}")
    pin_domain(alice, "a.example", ALWAYS)
    pin_domain(alice, "news.a.example", NEVER)
    told = {each.probe.sender: each.probe.expect for each in pins.probes()}
    assert told["x@a.example"] is ALWAYS
    assert told["x@news.a.example"] is told["x@x.news.a.example"] is NEVER


def test_an_envelope_with_a_pin_of_its_own_is_not_its_domains(
    db: None, alice: Actor
) -> None:
    seen(sender="bob@example.org")
    pin_domain(alice, "example.org")
    pin(alice, expect=NEVER)
    (found,) = pins.probes()
    assert (found.probe.sender, found.probe.expect) == ("bob@example.org", NEVER)


def test_a_domain_without_mail_tries_nothing(db: None, alice: Actor) -> None:
    seen(helo="")  # the recorder was off
    pin_domain(alice, "example.org")
    assert pins.probes() == []
