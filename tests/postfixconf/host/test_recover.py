"""A change that is cut off, at any moment: the next start undoes it."""

import os
import subprocess
import sys

import pytest

from postfixconf.host.apply import Broken, RolledBack
from postfixconf.host.checkpoint import checkpoints
from postfixconf.host.recovery import recover
from tests.support.practice import Practice

VRFY = "disable_vrfy_command"
ON = {VRFY: "on"}

KILLING = """
import os, sys
from pathlib import Path
from postfixconf.host import files
from postfixconf.host.apply import apply
from postfixconf.host.checkpoint import Checkpoint
from postfixconf.host.instance import Instance
from postfixconf.host.apply_journal import Journal
from postfixconf.host.observe import observe
from postfixconf.policy.plan import plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.table import Table

def die(*args, **kwargs):
    os.kill(os.getpid(), 9)

def second(install):
    count = []
    def wrapped(self):
        if count:
            die()
        count.append(1)
        install(self)
    return wrapped

where, room, config_dir, key, *with_tables = sys.argv[1:]
if where == "between the renames":
    files.Staged.install = second(files.Staged.install)
elif where == "between stop and start":
    Instance.start = die
elif where == "before the outcome is written":
    Checkpoint.close = die
instance = Instance(Path(config_dir))
seen = observe(instance)
tables = []
if with_tables:
    lines = ("a.example REJECT\\n",)
    tables = [Table("access", "hash", "1", lambda: lines, seen.texts.access)]
made = plan(Policy.of({key: "on"}), seen.texts, seen, tables=tables)
watch = lambda steps: die() if steps[-1].name == where else None
apply(made, instance, checkpoints=Path(room), number=1, journal=Journal(watch))
"""
MOMENTS = [
    "compare",
    "check",
    "stage",
    "checkpoint",
    "baseline",
    "replace",
    "between the renames",
    "restart",
    "between stop and start",
    "probe",
    "before the outcome is written",
]


def kill_at(
    moment: str, server: Practice, *, key: str = VRFY, tables: bool = False
) -> None:
    """Apply in a process of its own, which kill -9 ends at this moment."""
    words = [str(server.checkpoints), str(server.instance.config_dir), key]
    words += ["tables"] if tables else []
    command = [sys.executable, "-c", KILLING, moment, *words]
    assert subprocess.run(command, check=False).returncode == -9


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_the_next_start_undoes(
    practice: Practice, moment: str
) -> None:
    wanted = practice.plan(ON).after.main
    kill_at(moment, practice)
    assert practice.instance.main().text in (practice.adopted.main, wanted)
    for each in recover(practice.instance, practice.checkpoints):
        assert isinstance(each.outcome, RolledBack)
    assert practice.works()
    assert recover(practice.instance, practice.checkpoints) == []
    assert practice.files() == ["main.cf", "master.cf"]


def test_recovery_leaves_a_hand_edit_alone_and_says_so(practice: Practice) -> None:
    kill_at("restart", practice)
    path = practice.instance.config_dir / "main.cf"
    path.write_text(edited := path.read_text() + "# by hand\n")
    [recovered] = recover(practice.instance, practice.checkpoints)
    assert isinstance(recovered.outcome, Broken)
    assert "was edited while a change was open" in recovered.outcome.why
    assert path.read_text() == edited


def test_postfix_outlives_whoever_applied(practice: Practice) -> None:
    script = KILLING.replace("== where else None", '== "never" else None')
    words = [str(practice.checkpoints), str(practice.instance.config_dir), VRFY]
    command = [sys.executable, "-c", script + "\ninput()", "nowhere", *words]
    with subprocess.Popen(command, start_new_session=True, stdin=-1) as process:
        while not any(point.outcome for point in checkpoints(practice.checkpoints)):
            assert process.poll() is None
        os.killpg(process.pid, 9)
    assert practice.works_for_strangers()
    assert practice.instance.master_pid() is not None
