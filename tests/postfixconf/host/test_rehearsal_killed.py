"""Rehearsals leave nothing behind: killed, side by side, in threads, on a full disk."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from postfixconf.errors import FileFailed
from postfixconf.host.apply import Refused
from postfixconf.host.recovery import recover
from postfixconf.host.rehearsal.room import BASE, room, sweep
from postfixconf.host.rehearsal.running import rehearsing
from postfixconf.policy.probes import Probe, Verdict
from tests.support.dns import Dns
from tests.support.practice import Practice, serving
from tests.support.rehearsed import candidate_of, untouched
from tests.support.rooms import left, mounted
from tests.support.site import ROOT
from tests.support.soak import full
from tests.support.waiting import eventually

KILLS = max(3, full(10))
BETWEEN = max(2, full(10))  # rehearsals for each kill
LONGEST = 0.4  # seconds that a rehearsal may take until it is killed
PROBE = Probe("192.0.2.66", "mx.example", "a@good.example", "bob@practice.test")

# Rehearses without end, and says when it begins each and when it is asked.
CHILD = """
import sys
from pathlib import Path
from postfixconf.host import commands
from postfixconf.host.instance import Instance
from postfixconf.host.rehearsal.running import Candidate, rehearsing
from postfixconf.policy.probes import Probe

config_dir, how = Path(sys.argv[1]), sys.argv[2]
if how == "outlived":  # as if we were killed before setpriv has begun
    Popen = commands.subprocess.Popen
    def begin(words, **options):
        at = words.index("--") + 1 if words[0] == "setpriv" else 0
        return Popen(words[at:], **options)
    commands.subprocess.Popen = begin
instance = Instance(config_dir)
main, master = instance.main().text, instance.master().text
candidate = Candidate(main, master, config_dir, instance.queue_directory)
probe = Probe("192.0.2.66", "mx.example", "a@good.example", "bob@practice.test")
while True:
    print("begun", flush=True)
    with rehearsing(candidate) as running:
        assert running.ask([probe] * 20)[0].code == 250
        print("asked", flush=True)
        if how != "usual":
            sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    with serving(settings={"smtpd_error_sleep_time": "0"}) as practice:
        yield practice


@pytest.fixture(autouse=True)
def own_place(dns: Dns) -> Iterator[None]:
    with mounted():
        yield


def all_gone() -> None:
    """Nothing is left, once who was killed has died."""
    eventually(lambda: left() == [])


@contextmanager
def rehearser(
    server: Practice, how: str = "usual"
) -> Iterator["subprocess.Popen[str]"]:
    """A process that rehearses; killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(server.instance.config_dir), how],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: "subprocess.Popen[str]", word: str, times: int = 1) -> None:
    """Wait until a rehearser has said a word so often."""
    assert process.stdout
    while times:
        line = process.stdout.readline()
        assert line, "the rehearser has ended by itself"
        times -= line.strip() == word


def test_nothing_is_left_after_kills(server: Practice) -> None:
    dice = Random(5)
    with untouched(server):
        for _ in range(KILLS):
            with rehearser(server) as process:
                heard(process, "begun", BETWEEN)
                time.sleep(dice.uniform(0, LONGEST))
        sweep()
        all_gone()


def test_the_next_rehearsal_removes_what_a_killed_one_left(server: Practice) -> None:
    with rehearser(server, "waiting") as process:
        heard(process, "asked")
    assert len(list(BASE.glob("*/lock"))) == 1
    with rehearsing(candidate_of(server)):
        assert len(list(BASE.glob("*/lock"))) == 1
    all_gone()


def test_a_master_that_outlived_its_process_is_ended(server: Practice) -> None:
    with rehearser(server, "outlived") as process:
        heard(process, "asked")
    assert any("/master" in each for each in left())
    with untouched(server):
        sweep()
    all_gone()


def test_a_rehearsal_under_way_is_left_alone(server: Practice) -> None:
    with rehearsing(candidate_of(server)) as running:
        with rehearser(server, "waiting") as process:
            heard(process, "asked")
            sweep()
            assert len(list(BASE.glob("*/lock"))) == 2
            assert running.ask([PROBE])[0].verdict is Verdict.ACCEPT
        sweep()
        assert running.ask([PROBE])[0].verdict is Verdict.ACCEPT
    all_gone()


@pytest.mark.parametrize("names", [(), ("etc/main.cf", "queue/incoming/A1B2")])
def test_a_room_without_its_lock_is_removed(names: tuple[str, ...]) -> None:
    for name in names:
        path = BASE / "abandoned" / name
        path.parent.mkdir(parents=True)
        path.write_text("x")
    (BASE / "abandoned").mkdir(exist_ok=True)
    sweep()
    all_gone()


def test_recover_sweeps_too(server: Practice) -> None:
    with rehearser(server, "waiting") as process:
        heard(process, "asked")
    assert recover(server.instance, server.checkpoints) == []
    all_gone()


def asked(server: Practice, main: str) -> int:
    """The answer of one rehearsal, with these lines more."""
    with rehearsing(candidate_of(server, main)) as running:
        return running.ask([PROBE] * 50)[-1].code


def test_rehearsals_at_the_same_time_have_their_own_answers(server: Practice) -> None:
    refusing = "smtpd_helo_restrictions = check_helo_access static:{554 no}\n"
    with untouched(server), ThreadPoolExecutor(2) as pool:
        found = list(pool.map(asked, [server] * 4, ["", refusing] * 2))
    assert found == [250, 554, 250, 554]
    all_gone()


def test_an_exception_in_the_middle_leaves_nothing(server: Practice) -> None:
    with pytest.raises(KeyboardInterrupt), rehearsing(candidate_of(server)):
        raise KeyboardInterrupt
    all_gone()


@pytest.mark.parametrize(
    "options", ["size=4k", "size=512k", "nr_inodes=6", "nr_inodes=20"]
)
def test_a_full_disk_is_a_reason_not_to_apply(server: Practice, options: str) -> None:
    with mounted(options):
        with untouched(server):
            outcome = server.apply({"disable_vrfy_command": "on"})
        assert isinstance(outcome, Refused)
        assert "No space left on device" in outcome.cause
        all_gone()


def test_a_directory_that_cannot_be_made_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(FileFailed), room(tmp_path / "taken" / "below"):
        pass


def test_a_stopped_master_is_ended_too(server: Practice) -> None:
    with rehearser(server, "outlived") as process:
        heard(process, "asked")
        [master] = list(BASE.glob("*/queue/pid/master.pid"))
        os.kill(int(master.read_text()), signal.SIGSTOP)
    sweep()
    all_gone()
