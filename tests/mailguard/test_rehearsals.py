"""The draft against recorded mail, and one message by hand: on a real Postfix."""

from dataclasses import asdict
from typing import Any

import pytest
from django.test import Client

from mailguard.audit.services import Actor
from mailguard.changes import services as changes
from mailguard.changes import worker as applying
from mailguard.changes.models import Passed, Revision, State
from mailguard.changes.panic import request_panic
from mailguard.lists import pins
from mailguard.lists import services as lists
from mailguard.protection import services as protection
from mailguard.protection.differences import Difference
from mailguard.rehearsals import services, worker
from mailguard.rehearsals.models import Kind, Rehearsal, Trial, Turn
from mailguard.servers.models import Server
from mailguard.traffic.models import Attempt
from postfixconf.policy.control import Mode
from postfixconf.policy.entries import Entry
from postfixconf.policy.probes import Expect, Probe
from tests.support.practice import Practice
from tests.support.traffic import seen

HELO = "reject_non_fqdn_helo_hostname"
SENDER = "reject_non_fqdn_sender"
GOOD: dict[str, Any] = {"helo": "mx1.example.org", "reverse_name": "mx1.example.org"}
SHORT = GOOD | {"helo": "laptop"}


def switch(alice: Actor, key: str, after: Mode, before: Mode = Mode.OFF) -> None:
    """Want a control in another mode."""
    change = Difference(key, before, after)
    protection.put(change=change, actor=alice, reason="")


def rehearsed(server: Server, alice: Actor, most: int = 100) -> Rehearsal:
    """The draft, rehearsed to the end."""
    job = services.ask(server=server, actor=alice, most=most)
    while worker.go_on(server):
        pass
    job.refresh_from_db()
    return job


def applied(server: Server, alice: Actor, override: str = "") -> Revision:
    """The draft, applied."""
    revision = changes.request_apply(
        server=server, actor=alice, reason="x", override=override
    )
    applying.carry_out(revision)
    revision.refresh_from_db()
    return revision


def test_the_lost_are_counted_and_named(server: Server, alice: Actor) -> None:
    rows = [seen(**SHORT, recipient=f"{n}@practice.test") for n in range(3)]
    seen(**GOOD)
    switch(alice, HELO, Mode.ON)
    job = rehearsed(server, alice)
    assert (job.state, job.safe, job.tried) == ("done", True, 4)
    assert (job.lost, job.gained, job.warned) == (3, 0, 0)
    turns = Turn.objects.filter(rehearsal=job)
    assert {each.attempt_id for each in turns} == {each.key for each in rows}
    assert {(each.kind, each.control, each.code) for each in turns} == {
        (Kind.LOST, HELO, 504)
    }


def test_in_test_mode_they_are_only_logged(server: Server, alice: Actor) -> None:
    seen(**SHORT)
    switch(alice, HELO, Mode.TEST)
    job = rehearsed(server, alice)
    assert (job.lost, job.gained, job.warned) == (0, 0, 1)


def test_what_was_refused_gets_through_with_an_entry(
    server: Server, alice: Actor
) -> None:
    switch(alice, HELO, Mode.ON)
    assert applied(server, alice).state == State.APPLIED
    seen(**SHORT, outcome="refused", control=HELO, code=504)
    entry = Entry.read("allow", "client", "192.0.2.7")
    lists.add(entry=entry, note="", expires_at=None, actor=alice)
    job = rehearsed(server, alice)
    assert (job.lost, job.gained) == (0, 1)


def test_the_same_envelope_is_tried_once(server: Server, alice: Actor) -> None:
    for ago in range(5):
        seen(ago, **SHORT)
    switch(alice, HELO, Mode.ON)
    job = rehearsed(server, alice)
    assert (job.total, job.recorded, job.lost) == (1, 5, 1)


def test_a_reverse_name_that_is_the_clients_name_makes_no_other_envelope(
    server: Server, alice: Actor
) -> None:
    seen(**GOOD)
    seen(**GOOD | {"reverse_name": ""})
    seen(**GOOD | {"reverse_name": "other.example.org"})
    assert rehearsed(server, alice).total == 2


def test_without_a_greeting_nothing_is_made_up(server: Server, alice: Actor) -> None:
    seen(helo="")
    switch(alice, HELO, Mode.ON)
    job = rehearsed(server, alice)
    assert (job.tried, job.partial, job.recorded) == (0, 1, 1)


def test_names_that_are_not_known_are_looked_up_and_marked(
    server: Server, alice: Actor
) -> None:
    seen(**GOOD | {"client_name": "unknown", "reverse_name": "", "helo": "laptop"})
    switch(alice, HELO, Mode.ON)
    job = rehearsed(server, alice)
    assert [each.todays_dns for each in job.turns.all()] == [True]


def test_nothing_on_the_live_server_is_touched(
    server: Server, alice: Actor, practice: Practice
) -> None:
    seen(**SHORT)
    pid, files = practice.instance.master_pid(), practice.files()
    texts = practice.observed().texts
    switch(alice, HELO, Mode.ON)
    rehearsed(server, alice)
    assert practice.instance.master_pid() == pid
    assert (practice.files(), practice.observed().texts) == (files, texts)


def test_a_plan_that_has_passed_is_not_rehearsed_again(
    server: Server, alice: Actor
) -> None:
    switch(alice, HELO, Mode.ON)
    rehearsed(server, alice)
    assert Passed.objects.get().plan_digest == changes.plan_of(server).digest
    revision = applied(server, alice)
    assert revision.state == State.APPLIED
    [step] = [each for each in revision.steps if each["name"] == "rehearse"]
    assert "as rehearsed for the review" in step["said"]


def test_another_pin_makes_it_rehearse_again(server: Server, alice: Actor) -> None:
    switch(alice, SENDER, Mode.ON)
    rehearsed(server, alice)
    pins.add_envelope(probe=pinned(), actor=alice)
    assert applied(server, alice).state == State.REFUSED


def pinned(expect: Expect = Expect.ACCEPT) -> Probe:
    """A message with a sender that is not whole."""
    return Probe(
        "192.0.2.7", "mx.example", "scanner", "bob@practice.test", expect=expect
    )


def test_a_pin_that_would_flip_stops_the_apply(server: Server, alice: Actor) -> None:
    pins.add_envelope(probe=pinned(), actor=alice)
    switch(alice, SENDER, Mode.ON)
    job = rehearsed(server, alice)
    assert (job.safe, len(job.flips)) == (False, 1)
    assert "scanner" in job.flips[0]
    revision = applied(server, alice)
    assert revision.state == State.REFUSED
    assert "from <scanner>" in revision.cause
    assert SENDER in revision.cause


def test_with_a_reason_the_pin_may_break(server: Server, alice: Actor) -> None:
    pins.add_envelope(probe=pinned(), actor=alice)
    switch(alice, SENDER, Mode.ON)
    revision = applied(server, alice, override="the scanner is gone")
    assert (revision.state, revision.override) == (
        State.APPLIED,
        "the scanner is gone",
    )


def test_a_pin_for_never_holds_too(server: Server, alice: Actor) -> None:
    switch(alice, SENDER, Mode.ON)
    assert applied(server, alice).state == State.APPLIED
    pins.add_envelope(probe=pinned(Expect.REFUSE), actor=alice)
    switch(alice, SENDER, Mode.TEST, Mode.ON)
    assert "never" in applied(server, alice).cause


def test_a_pin_does_not_stop_a_panic(server: Server, alice: Actor) -> None:
    switch(alice, SENDER, Mode.ON)
    assert applied(server, alice).state == State.APPLIED
    pins.add_envelope(probe=pinned(Expect.REFUSE), actor=alice)
    revision = request_panic(server=server, actor=alice, reason="now")
    applying.carry_out(revision)
    revision.refresh_from_db()
    assert revision.state == State.APPLIED


def test_a_pin_of_a_service_that_is_gone_stops_nothing(
    server: Server, alice: Actor
) -> None:
    pins.add_envelope(
        probe=Probe(**{**asdict(pinned()), "service": "submission", "expect": None}),
        actor=alice,
    )
    switch(alice, HELO, Mode.TEST)
    assert applied(server, alice).state == State.APPLIED


def test_a_draft_that_changes_cancels_its_rehearsal(
    server: Server, alice: Actor
) -> None:
    switch(alice, HELO, Mode.ON)
    job = services.ask(server=server, actor=alice)
    switch(alice, SENDER, Mode.ON)
    worker.go_on(server)
    job.refresh_from_db()
    assert (job.state, job.cause) == ("cancelled", "the draft has changed since")


def test_a_slice_at_a_time_and_cancelled_in_between(
    server: Server, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(250):
        seen(**SHORT, recipient=f"{n}@practice.test")
    switch(alice, HELO, Mode.ON)
    job = services.ask(server=server, actor=alice, most=250)
    monkeypatch.setattr(worker, "max", lambda *_: 0.0, raising=False)  # no time
    assert worker.go_on(server)
    job.refresh_from_db()
    assert (job.state, job.tried, job.total) == ("running", 8, 250)
    services.cancel(job)
    assert not worker.go_on(server)
    job.refresh_from_db()
    assert (job.state, job.lost) == ("cancelled", 8)


def test_the_counts_stay_when_the_attempts_are_gone(
    server: Server, alice: Actor, client: Client
) -> None:
    seen(**SHORT)
    switch(alice, HELO, Mode.ON)
    rehearsed(server, alice)
    Attempt.objects.all().delete()
    page = client.get("/rehearsal/").content.decode()
    assert "1 would be lost" in page
    assert "bob@example.org" not in page
    revision = applied(server, alice)
    page = client.get(f"/history/{revision.number}/").content.decode()
    assert "Tried before with 1 recorded message" in page


def test_the_page_names_who_would_be_lost_escaped(
    server: Server, alice: Actor, client: Client
) -> None:
    seen(**SHORT, sender='"<script>alert(1)</script>"@x.example')
    switch(alice, HELO, Mode.ON)
    rehearsed(server, alice)
    for path in ("/rehearsal/", "/review/", "/rehearsal/effect/"):
        page = client.get(path).content.decode()
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page


def test_one_message_is_tried_rule_by_rule(
    server: Server, alice: Actor, client: Client
) -> None:
    switch(alice, SENDER, Mode.ON)
    typed = {
        "client_address": "192.0.2.9",
        "client_name": "mx.example",
        "helo": "mx.example",
        "sender": "nobody",
        "recipient": "bob@practice.test",
        "on": "draft",
    }
    address = client.post("/rehearsal/", typed).headers["Location"]
    assert "Trying" in client.get(address).content.decode() or Trial.objects.get().open
    worker.go_on(server)
    row = Trial.objects.get()
    assert (row.state, row.answer["control"]) == ("done", SENDER)
    assert row.steps[-1]["outcome"] in ("refused", "not reached")
    page = client.get(address).content.decode()
    assert "It would be refused." in page
    assert f"<code>{SENDER}</code>" in page
    client.post("/rehearsal/", typed | {"on": "live"})
    worker.go_on(server)
    assert Trial.objects.first().answer["verdict"] == "accept"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "field, value",
    [("client_address", "192.0.2"), ("helo", "a\x00b"), ("service", "nothere")],
)
def test_a_bad_envelope_is_quoted(
    server: Server, alice: Actor, client: Client, field: str, value: str
) -> None:
    typed = {
        "client_address": "192.0.2.9",
        "helo": "mx.example",
        "recipient": "bob@practice.test",
        "on": "draft",
    }
    response = client.post("/rehearsal/", typed | {field: value}, follow=True)
    worker.go_on(server)
    if response.redirect_chain:
        response = client.get(response.redirect_chain[-1][0])
    page = response.content.decode()
    assert "nothere" in page or "192.0.2" in page or "a\\x00b" in page
    assert not Trial.objects.filter(state="done").exists()
