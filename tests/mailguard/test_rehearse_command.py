"""`./manage.py rehearse`: exit codes, one object, and words for people."""

import json
from typing import Any

import pytest
from django.core.management import call_command

from mailguard.audit.services import Actor
from mailguard.lists import pins
from mailguard.rehearsals import services, worker
from mailguard.rehearsals.models import Rehearsal
from mailguard.servers.models import Server
from postfixconf.policy.control import Mode
from tests.mailguard.test_rehearsals import HELO, SENDER, SHORT, pinned, switch
from tests.support.traffic import seen

SLEEP = "mailguard.rehearsals.management.commands.rehearse.sleep"
Said = pytest.CaptureFixture[str]


@pytest.fixture
def working(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker does its part while the command waits."""
    monkeypatch.setattr(SLEEP, lambda _: worker.go_on(server))


def asked(*words: str) -> int:
    """The exit code of the command."""
    with pytest.raises(SystemExit) as ended:
        call_command("rehearse", *words)
    return int(ended.value.code or 0)


def told(said: Said, *words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and object."""
    code = asked("--json", *words)
    found: dict[str, Any] = json.loads(said.readouterr().out)
    return code, found


def test_it_tells_what_would_be_lost_and_by_what(
    server: Server, alice: Actor, working: None, capsys: Said
) -> None:
    for n in range(3):
        seen(**SHORT, recipient=f"{n}@practice.test")
    switch(alice, HELO, Mode.ON)
    code, found = told(capsys)
    assert code == 0
    assert (found["state"], found["safe"], found["tried"]) == ("done", True, 3)
    assert found["lost"] == 3
    assert found["controls"] == [{"kind": "lost", "control": HELO, "count": 3}]


def test_a_pin_that_flips_refuses(
    server: Server, alice: Actor, working: None, capsys: Said
) -> None:
    pins.add_envelope(probe=pinned(), actor=alice)
    switch(alice, SENDER, Mode.ON)
    code, found = told(capsys)
    assert (code, found["safe"], len(found["flips"])) == (1, False, 1)
    assert asked() == 1
    assert "must always get through" in capsys.readouterr().err


def test_people_are_told_in_words(
    server: Server, alice: Actor, working: None, capsys: Said
) -> None:
    seen(**SHORT)
    switch(alice, HELO, Mode.ON)
    assert asked() == 0
    words = capsys.readouterr().out
    assert "Of 1 recorded messages 1 would be lost" in words
    assert f"1 would be lost: {HELO}" in words


def test_without_a_worker_it_stays_queued(server: Server, capsys: Said) -> None:
    code, found = told(capsys, "--timeout", "0.1")
    assert (code, found["state"]) == (3, "queued")
    assert asked("--timeout", "0.1") == 3
    words = capsys.readouterr().err
    assert "Waiting for the worker: not finished within the time." in words
    assert "recorded messages" not in words
    assert Rehearsal.objects.get().open


def test_as_many_are_tried_as_are_wanted(
    server: Server, alice: Actor, working: None, capsys: Said
) -> None:
    for n in range(5):
        seen(**SHORT, recipient=f"{n}@practice.test")
    switch(alice, HELO, Mode.ON)
    assert told(capsys, "--most", "2")[1]["tried"] == 2


@pytest.mark.parametrize("most", ["0", "-3", str(services.LARGEST + 1)])
def test_a_bad_number_is_bad_input(server: Server, capsys: Said, most: str) -> None:
    code, found = told(capsys, f"--most={most}")
    assert (code, found["quoted"]) == (2, most)


def test_before_the_first_look_it_is_refused(db: None, capsys: Said) -> None:
    code, found = told(capsys)
    assert (code, found["error"]) == (1, "refused")


def test_one_that_is_cancelled_is_no_success(
    server: Server, alice: Actor, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel(_: float) -> None:
        services.cancel(Rehearsal.objects.get())

    monkeypatch.setattr(SLEEP, cancel)
    code, found = told(capsys)
    assert (code, found["state"]) == (1, "cancelled")
