"""An apply that changes a list of postgrey's: proven on the daemon, or taken back."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from postfixconf.host.apply import Applied, Refused, RolledBack
from postfixconf.host.postgreys import Running, readers
from postfixconf.host.recovery import recover
from postfixconf.policy.entries import Spared
from postfixconf.policy.plan import Plan
from postfixconf.policy.sources import spared
from postfixconf.policy.table import POSTGREY, Table
from tests.support.postgrey import Postgrey, serving
from tests.support.practice import REHEARSED, Practice, fail_at, text_lines, watching


@pytest.fixture
def postgrey(practice: Practice) -> Iterator[Postgrey]:
    """postgrey with mailguard's list, in which `old.example` stands."""
    path = listed(practice)
    with serving(f"--whitelist-clients={path}") as postgrey:
        assert isinstance(practice.apply(wanting(practice, "old.example")), Applied)
        yield postgrey


def listed(practice: Practice) -> Path:
    """The list."""
    return practice.instance.config_dir / Spared.CLIENTS


def wanting(practice: Practice, *values: str) -> Plan:
    """A plan with a list of these clients, and nothing else."""
    lines = text_lines("".join(spared(values)))
    table = Table(Spared.CLIENTS, POSTGREY, " ".join(values), lines)
    return replace(practice.plan({}), tables=(table,))


def waits(practice: Practice, name: str) -> bool:
    """Whether a client of this name is put off."""
    (daemon,) = readers(listed(practice))
    assert isinstance(daemon, Running)
    nobody = f"bob-{time.time_ns()}@practice.test"
    return daemon.answer(name, nobody).startswith("DEFER_IF_PERMIT")


def as_before(practice: Practice) -> bool:
    """Whether the old list is live, and postgrey goes by it."""
    old = "\nold.example\n" in listed(practice).read_text()
    return old and not waits(practice, "old.example") and waits(practice, "new.example")


def test_the_new_list_is_read(practice: Practice, postgrey: Postgrey) -> None:
    outcome = practice.apply(wanting(practice, "new.example"))
    assert isinstance(outcome, Applied)
    assert waits(practice, "old.example")
    assert not waits(practice, "new.example")


@pytest.mark.parametrize("step", ["reread", "probe"])
def test_a_failure_after_it_brings_the_old_list_back(
    practice: Practice, postgrey: Postgrey, step: str
) -> None:
    made = wanting(practice, "new.example")
    outcome = practice.apply(made, fail_at(step), REHEARSED)
    assert isinstance(outcome, RolledBack)
    assert as_before(practice)
    assert practice.works_for_strangers()


def test_a_list_that_would_kill_postgrey_is_refused(
    practice: Practice, postgrey: Postgrey
) -> None:
    outcome = practice.apply(wanting(practice, "/^mx(/"))
    assert isinstance(outcome, Refused)
    assert "Perl cannot compile it" in outcome.cause
    assert as_before(practice)


def test_an_apply_that_is_cut_off_is_undone_for_postgrey_too(
    practice: Practice, postgrey: Postgrey, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = "postfixconf.host.apply.undo"
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(killed, lambda *_: None)  # as a kill leaves it
        cut = fail_at("probe")
        cut.watch = watching("probe", KeyboardInterrupt())
        practice.apply(wanting(practice, "new.example"), cut, REHEARSED)
    assert not waits(practice, "new.example")
    assert len(recover(practice.instance, practice.checkpoints)) == 1
    assert as_before(practice)
