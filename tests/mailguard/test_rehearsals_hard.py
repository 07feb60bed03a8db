"""What may happen to a rehearsal meanwhile: drafts, kills, two people, what is gone."""

from dataclasses import asdict
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from mailguard.audit.services import Actor
from mailguard.changes import worker as applying
from mailguard.changes.models import Passed, State
from mailguard.errors import NotNow
from mailguard.lists import pins
from mailguard.lists import services as lists
from mailguard.lists.models import Entry as Row
from mailguard.rehearsals import services, worker
from mailguard.rehearsals.models import Rehearsal, Trial, Turn
from mailguard.rehearsals.staging import staging
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.traffic.models import Attempt
from postfixconf.errors import BadValue, Unproven
from postfixconf.host.rehearsal import safety
from postfixconf.policy.control import Mode
from postfixconf.policy.entries import Entry
from postfixconf.policy.probes import Probe
from tests.mailguard.test_rehearsals import (
    GOOD,
    HELO,
    SENDER,
    SHORT,
    applied,
    pinned,
    rehearsed,
    switch,
)
from tests.support.practice import Practice
from tests.support.traffic import seen

TYPED = {
    "client_address": "192.0.2.9",
    "client_name": "mx.example",
    "helo": "mx.example",
    "sender": "bob@example.org",
    "recipient": "alice@practice.test",
    "on": "draft",
}


def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice is as small as can be."""
    monkeypatch.setattr(worker, "max", lambda *_: 0.0, raising=False)


def begun(server: Server, alice: Actor, monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    """A rehearsal of 250 messages, of which some are tried."""
    for n in range(250):
        seen(**SHORT, recipient=f"{n}@practice.test")
    switch(alice, HELO, Mode.ON)
    job = services.ask(server=server, actor=alice, most=250)
    no_time(monkeypatch)
    assert worker.go_on(server)
    job.refresh_from_db()
    assert 0 < job.tried < job.total == 250
    return job


def finished(server: Server, job: Rehearsal) -> Rehearsal:
    """The same, at its end."""
    while worker.go_on(server):
        pass
    job.refresh_from_db()
    return job


def test_a_message_for_a_service_that_is_gone_is_not_tried(
    server: Server, alice: Actor
) -> None:
    seen(**SHORT)
    seen(**SHORT, service="postfix/nothere/smtpd")
    switch(alice, HELO, Mode.ON)
    job = rehearsed(server, alice)
    assert (job.state, job.tried, job.partial, job.lost) == ("done", 1, 1, 1)


def test_a_pin_for_a_service_that_is_gone_hides_no_other(
    server: Server, alice: Actor
) -> None:
    pins.add_envelope(probe=pinned(), actor=alice)
    gone = asdict(pinned()) | {"service": "nothere"}
    pins.add_envelope(probe=Probe(**gone), actor=alice)
    switch(alice, SENDER, Mode.ON)
    job = rehearsed(server, alice)
    assert len(job.flips) == 1
    assert "no service nothere" in job.notes[0]
    assert "scanner" in applied(server, alice).cause


def test_what_is_forgotten_meanwhile_is_not_counted_as_tried(
    server: Server, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = begun(server, alice, monkeypatch)
    Attempt.objects.filter(key__in=job.keys[150:]).delete()
    job = finished(server, job)
    assert (job.state, job.tried, job.total, job.lost) == ("done", 150, 150, 150)


def test_a_worker_killed_before_the_mail_was_chosen_begins_anew(
    server: Server, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen(**SHORT)
    switch(alice, HELO, Mode.ON)
    job = services.ask(server=server, actor=alice)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(worker, "choose", killed)
        worker.go_on(server)
    job.refresh_from_db()
    assert job.state == "running"
    assert finished(server, job).lost == 1


def test_a_part_that_two_workers_tried_counts_once(
    server: Server, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = begun(server, alice, monkeypatch)
    late = Rehearsal.objects.get(pk=job.pk)
    late.tried = 0  # as it was when the other one read it
    assert not worker.keep(late, [], 0.1)
    assert Turn.objects.count() == job.tried
    assert finished(server, job).lost == 250


def test_a_fault_of_our_own_is_raised_once_and_said(
    server: Server, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch(alice, HELO, Mode.ON)
    job = services.ask(server=server, actor=alice)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(worker, "carry_on", broken)
    with pytest.raises(ZeroDivisionError):
        worker.go_on(server)
    job.refresh_from_db()
    assert (job.state, "fault" in job.cause) == ("failed", True)
    assert not worker.go_on(server)


def test_an_entry_that_comes_while_tables_are_made_cancels(
    server: Server, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch(alice, HELO, Mode.ON)
    job = services.ask(server=server, actor=alice)

    def meanwhile(server: Server) -> Any:
        made = staging(server)
        made.gen = iter_with_entry(made.gen)
        return made

    def iter_with_entry(stages: Any) -> Any:
        for stage in stages:
            entry = Entry.read("deny", "sender", "late@x.example")
            lists.add(entry=entry, note="", expires_at=None, actor=alice)
            yield stage

    monkeypatch.setattr(worker, "staging", meanwhile)
    assert not worker.go_on(server)
    job.refresh_from_db()
    assert (job.state, Passed.objects.count()) == ("cancelled", 0)


def test_an_apply_meanwhile_ends_it(
    server: Server, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = begun(server, alice, monkeypatch)
    revision = applied(server, alice)
    assert revision.state == State.APPLIED
    server.refresh_from_db()
    tried = job.tried
    job = finished(server, job)
    assert (job.state, job.lost) == ("cancelled", tried)


def test_what_fails_later_has_not_passed_any_more(
    server: Server, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins.add_envelope(probe=pinned(), actor=alice)
    switch(alice, HELO, Mode.ON)
    rehearsed(server, alice)
    assert Passed.objects.count() == 1

    def poorly(*_: object, **__: object) -> None:
        raise Unproven("it does not start")

    def report(*_: object, **__: object) -> object:
        return safety.Report(faults=("a fault",))

    monkeypatch.setattr(safety, "rehearse", report)
    assert rehearsed(server, alice).safe is False
    assert Passed.objects.count() == 0
    monkeypatch.setattr(safety, "rehearse", poorly)
    assert rehearsed(server, alice).cause == "it does not start"


def test_two_who_ask_share_one_rehearsal(server: Server, alice: Actor) -> None:
    switch(alice, HELO, Mode.ON)
    first = services.ask(server=server, actor=alice)
    assert services.ask(server=server, actor=Actor(None, "bob", "")) == first


@pytest.mark.parametrize("most", [0, -1, services.LARGEST + 1])
def test_a_number_that_is_none_is_quoted(
    server: Server, alice: Actor, most: int
) -> None:
    with pytest.raises(BadValue, match=str(most)):
        services.ask(server=server, actor=alice, most=most)


def test_a_hand_edit_is_adopted_first(
    server: Server, alice: Actor, practice: Practice, client: Client
) -> None:
    applied_once(server, alice)
    with (practice.instance.config_dir / "main.cf").open("a") as file:
        file.write("# by Bob\n")
    servers.look(server)
    switch(alice, SENDER, Mode.ON)
    with pytest.raises(NotNow, match="edited by hand"):
        services.ask(server=server, actor=alice)
    page = client.get("/rehearsal/").content.decode()
    assert "Look at the edit and adopt it" in page
    assert 'id="rehearse"' not in page


def applied_once(server: Server, alice: Actor) -> None:
    """One change is live."""
    switch(alice, HELO, Mode.TEST)
    assert applied(server, alice).state == State.APPLIED
    server.refresh_from_db()


def test_an_envelope_is_tried_before_the_first_adoption(
    db: None, client: Client
) -> None:
    client.post("/rehearsal/", TYPED)
    assert not worker.go_on(servers.local())
    row = Trial.objects.get()
    assert (row.state, "has not looked" in row.cause) == ("failed", True)
    assert row.cause in client.get(f"/rehearsal/trial/{row.pk}/").content.decode()


def test_live_is_tried_whatever_waits(
    server: Server, alice: Actor, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object, **__: object) -> None:
        raise NotNow("the draft is faulty")

    monkeypatch.setattr("mailguard.rehearsals.staging.plan", nothing)
    client.post("/rehearsal/", TYPED)
    client.post("/rehearsal/", TYPED | {"on": "live"})
    assert worker.go_on(server)  # one envelope a turn
    assert not worker.go_on(server)
    live, draft = Trial.objects.all()
    assert (draft.state, draft.cause) == ("failed", "the draft is faulty")
    assert (live.state, live.answer["verdict"]) == ("done", "accept")


def test_a_removed_entry_and_one_that_changes_sides_count(
    server: Server, alice: Actor
) -> None:
    for side, value in (("allow", "192.0.2.7"), ("allow", "192.0.2.8")):
        add(alice, side, value)
    switch(alice, HELO, Mode.ON)
    assert applied(server, alice).state == State.APPLIED
    server.refresh_from_db()
    seen(**SHORT)
    seen(**GOOD, client_address="192.0.2.8")
    seen(**GOOD, client_address="192.0.2.9")
    lists.remove_all(rows=Row.objects.filter(value="192.0.2.7"), actor=alice)
    add(alice, "deny", "192.0.2.8")
    job = rehearsed(server, alice)
    turns = Turn.objects.filter(rehearsal=job)
    assert {each.control for each in turns} == {HELO, "entries"}
    assert (job.lost, job.gained) == (2, 0)


def add(alice: Actor, side: str, value: str) -> None:
    """One entry about a client."""
    entry = Entry.read(side, "client", value)
    lists.add(entry=entry, note="", expires_at=None, actor=alice)


def test_more_entries_than_are_edited_one_by_one(
    server: Server, alice: Actor, tmp_path: Any
) -> None:
    seen(**GOOD | {"sender": "u7@spam.example"})
    lines = (f"deny,sender,u{n}@spam.example\n" for n in range(1500))
    (tmp_path / "list.csv").write_text("".join(lines))
    with pytest.raises(SystemExit, match="0"):
        call_command("entries", "import", str(tmp_path / "list.csv"))
    job = rehearsed(server, alice)
    assert (job.state, job.lost) == ("done", 1)


def test_what_leads_to_people_is_forgotten_and_counts_stay(
    server: Server, alice: Actor
) -> None:
    pins.add_envelope(probe=pinned(), actor=alice)
    seen(**SHORT)
    switch(alice, HELO, Mode.ON)
    switch(alice, SENDER, Mode.ON)
    job = rehearsed(server, alice)
    assert job.flips
    assert job.keys
    old = Rehearsal.objects.values_list("at", flat=True).get() - services.KEPT * 2
    Rehearsal.objects.update(at=old)
    services.forget()
    job.refresh_from_db()
    assert (job.flips, job.keys, job.tried, job.lost) == ([], [], 1, 1)
    assert not Turn.objects.exists()


def test_applying_waits_for_no_envelope_by_hand(
    server: Server, alice: Actor, client: Client
) -> None:
    for _ in range(3):
        client.post("/rehearsal/", TYPED)
    assert worker.go_on(server)
    assert Trial.objects.filter(state="done").count() == 1
    switch(alice, HELO, Mode.ON)
    assert applied(server, alice).state == State.APPLIED
    applying.tend(server)
    assert Trial.objects.filter(state="queued").count() == 2
