"""Into Postfix only when postgrey answers, out of Postfix before it stops."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from postfixconf.host.apply import Applied, Refused, RolledBack
from postfixconf.host.recovery import recover
from postfixconf.policy.greylisting import Greylisting
from tests.support.practice import Practice, fail_at

ON, OFF = {"greylisting": "on"}, {"greylisting": "off"}
KILLING = """
import os, sys
from dataclasses import replace
from pathlib import Path
from postfixconf.host.apply import apply
from postfixconf.host.instance import Instance
from postfixconf.host.apply_journal import Journal
from postfixconf.host.observe import observe
from postfixconf.host.postgrey import Postgrey
from postfixconf.host.checkpoint import Checkpoint
from postfixconf.host.rehearsal.safety import Demands
from postfixconf.policy.greylisting import Greylisting
from postfixconf.policy.observed import Texts
from postfixconf.policy.plan import plan
from postfixconf.policy.policy import Policy

def die(*args, **kwargs):
    os.kill(os.getpid(), 9)

where, mode, delay, room, config_dir, main = sys.argv[1:]
if where == "started":
    start = Postgrey.start
    Postgrey.start = lambda self: (start(self), die())
elif where == "stopped":
    stop = Postgrey.stop
    Postgrey.stop = lambda self: (stop(self), die())
elif where == "before the outcome":
    Checkpoint.close = die
instance = Instance(Path(config_dir))
seen = observe(instance)
policy = replace(
    Policy.of({"greylisting": mode}), greylisting=Greylisting(delay=int(delay))
)
adopted = replace(seen.texts, main=main)
made = plan(policy, adopted, seen)
watch = lambda steps: die() if steps[-1].name == where else None
apply(made, instance, checkpoints=Path(room), number=9, journal=Journal(watch),
    demands=Demands(passed="before"))
"""


def kill_at(moment: str, server: Practice, mode: str, delay: int = 300) -> None:
    """Apply in a process of its own, which kill -9 ends at this moment."""
    words = [str(server.checkpoints), str(server.instance.config_dir)]
    script = [sys.executable, "-c", KILLING, moment, mode, str(delay), *words]
    done = subprocess.run([*script, server.adopted.main], check=False)
    assert done.returncode == -9


@pytest.mark.parametrize("moment", ["serve", "started", "replace", "probe", "settle"])
def test_killed_while_going_on_it_is_off_again(practice: Practice, moment: str) -> None:
    kill_at(moment, practice, "on", delay=60)
    [recovered] = recover(practice.instance, practice.checkpoints)
    assert isinstance(recovered.outcome, RolledBack)
    assert practice.works()
    assert not practice.postgrey.state().running


@pytest.mark.parametrize(
    "moment", ["serve", "replace", "stopped", "before the outcome"]
)
def test_killed_while_going_off_it_is_on_again(practice: Practice, moment: str) -> None:
    assert isinstance(practice.apply(ON), Applied)
    before = practice.instance.main().text
    kill_at(moment, practice, "off")
    [recovered] = recover(practice.instance, practice.checkpoints)
    assert isinstance(recovered.outcome, RolledBack)
    assert practice.instance.main().text == before
    assert practice.postgrey.ask() < 1


def test_postgrey_that_cannot_start_refuses_and_nothing_is_touched(
    practice: Practice,
) -> None:
    port = practice.port + 10_000
    with socket.create_server(("127.0.0.1", port)):
        outcome = practice.apply(ON)
    assert isinstance(outcome, Refused)
    assert "postgrey" in outcome.cause
    assert practice.works()
    assert not practice.postgrey.state().running


def test_a_broken_whitelist_refuses_with_postgreys_own_words(
    practice: Practice,
) -> None:
    lists = practice.postgrey.options.parent / "whitelist_clients.local"
    lists.write_text("/(/\n")
    outcome = practice.apply(ON)
    assert isinstance(outcome, Refused)
    assert "Unmatched ( in regex" in outcome.cause
    assert practice.works()


def halt(practice: Practice) -> None:
    """Stop it with a signal: it is there, and mute."""
    pid = practice.postgrey.state().pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)


def test_postgrey_that_hangs_is_started_anew_or_refuses(practice: Practice) -> None:
    practice.postgrey.start()
    halt(practice)
    assert isinstance(practice.apply(ON), Applied)  # with options that are new
    before = practice.observed().texts
    halt(practice)
    outcome = practice.apply({"greylisting": "test"})
    assert isinstance(outcome, Refused)
    assert "no answer within 5 seconds" in outcome.cause
    assert "Restart it on the page Greylisting" in outcome.cause
    assert practice.observed().texts == before
    practice.postgrey.restart()
    assert isinstance(practice.apply(ON), Applied)


def test_a_change_that_fails_stops_what_it_started(practice: Practice) -> None:
    outcome = practice.apply(practice.plan(ON), fail_at("probe"))
    assert isinstance(outcome, RolledBack)
    assert practice.works()
    assert not practice.postgrey.state().running


def test_a_change_that_fails_brings_the_old_options_back(practice: Practice) -> None:
    assert isinstance(practice.apply(ON), Applied)
    text = practice.postgrey.saved().text
    made = practice.plan(ON, greylisting=Greylisting(delay=7))
    assert isinstance(practice.apply(made, fail_at("settle")), RolledBack)
    assert practice.postgrey.saved().text == text
    words = practice.postgrey.state().pid
    with open(f"/proc/{words}/cmdline", "rb") as command:  # noqa: PTH123
        assert b"--delay=7" not in command.read()


def test_an_edit_of_the_options_by_hand_stops_a_change(practice: Practice) -> None:
    made = practice.plan(ON)
    options = practice.postgrey.options
    options.write_text(options.read_text() + "# by hand\n")
    outcome = practice.apply(made)
    assert isinstance(outcome, Refused)
    assert "options was edited by hand" in outcome.cause
    assert not practice.postgrey.state().running


def test_a_rule_by_hand_keeps_its_spelling_and_goes_with_off(
    practice: Practice,
) -> None:
    port = practice.port + 10_000
    by_hand = f"check_policy_service {{inet:localhost:{port} , timeout=9s}}"
    lists = f"smtpd_recipient_restrictions = permit_mynetworks,\n  {by_hand}\n"
    main = practice.instance.config_dir / "main.cf"
    main.write_text(main.read_text() + lists)
    practice.postgrey.start()
    practice.adopted = practice.observed().texts
    assert isinstance(practice.apply({"greylisting": "test"}), Applied)
    assert f"warn_if_reject {by_hand}" in practice.instance.main().text
    assert isinstance(practice.apply(OFF), Applied)
    assert "check_policy_service" not in practice.instance.main().text
    assert isinstance(practice.apply(ON), Applied)
    assert practice.instance.main().text == practice.adopted.main
