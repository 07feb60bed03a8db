"""The apply protocol, with every failure: the old state runs, and why is known."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from postfixconf.errors import FileFailed
from postfixconf.host import files
from postfixconf.host.apply import Applied, Broken, Outcome, Refused, RolledBack
from postfixconf.host.apply_journal import Journal, Step
from postfixconf.host.checkpoint import Checkpoint, checkpoints
from postfixconf.host.instance import Instance
from postfixconf.policy.lint import lint
from postfixconf.policy.observed import Texts
from postfixconf.policy.table import Table
from postfixconf.text.access import BEGIN, END
from postfixconf.text.maincf import MainCf
from tests.support.practice import REHEARSED, Practice, Tried, fail_at, text_lines

GOOD = "alice@good.example"
BOB = "bob@practice.test"
ON = {"disable_vrfy_command": "on"}


def candidate(server: Practice, main: str = "", master: str = "") -> Outcome:
    """Hand a configuration to the live proof, past the linter and the rehearsal."""
    return server.apply(server.candidate(Tried(main, master)), demands=REHEARSED)


def test_an_applied_change_is_live_and_its_checkpoint_closed(
    practice: Practice,
) -> None:
    assert isinstance(practice.apply(ON), Applied)
    assert "disable_vrfy_command = yes" in practice.instance.main().text
    assert [point.outcome for point in checkpoints(practice.checkpoints)] == ["applied"]


def test_a_misspelt_restriction_is_seen_by_the_stranger(practice: Practice) -> None:
    line = "smtpd_sender_restrictions = permit_mynetworks, reject_nonsense\n"
    outcome = candidate(practice, line)
    assert isinstance(outcome, RolledBack)
    assert "a stranger gets “451 4.3.5 Server configuration error" in outcome.cause
    assert "reject_nonsense" in outcome.cause
    assert practice.works()


def test_a_trusted_client_alone_would_not_have_seen_it(practice: Practice) -> None:
    line = "smtpd_sender_restrictions = permit_mynetworks, reject_nonsense\n"
    with (practice.instance.config_dir / "main.cf").open("a") as file:
        file.write(line)
    practice.instance.restart()
    assert practice.attempt(GOOD, BOB, src="127.0.0.1").ok
    assert practice.attempt(GOOD, BOB, src="127.0.0.10").code == 451


def test_a_missing_map_is_rolled_back(practice: Practice) -> None:
    line = "smtpd_client_restrictions = check_client_access hash:/nowhere/table\n"
    outcome = candidate(practice, line)
    assert isinstance(outcome, RolledBack)
    assert "/nowhere/table" in outcome.cause
    assert practice.works()


def test_a_value_that_kills_the_daemons_is_rolled_back(practice: Practice) -> None:
    outcome = candidate(practice, "message_size_limit = 52428800 # 50MB\n")
    assert isinstance(outcome, RolledBack)
    assert "message_size_limit" in outcome.cause
    assert practice.works()


def test_a_restart_that_fails_is_rolled_back(practice: Practice) -> None:
    line = "192.0.2.1:2599 inet n - n - - smtpd\n"  # nobody's address
    made = practice.candidate(Tried(master=line))
    outcome = practice.apply(made, demands=REHEARSED)
    assert isinstance(outcome, RolledBack)
    assert "2599" in outcome.cause
    assert practice.works()


def test_a_port_of_another_program_is_refused(practice: Practice) -> None:
    with socket.create_server(("127.0.0.1", 2599)):
        line = "127.0.0.1:2599 inet n - n - - smtpd\n"
        outcome = candidate(practice, master=line)
    assert isinstance(outcome, Refused)
    assert "port 2599" in outcome.cause
    assert practice.works()


def test_an_open_relay_is_rolled_back(practice: Practice) -> None:
    lines = (
        "smtpd_relay_restrictions =\n"
        "smtpd_recipient_restrictions = check_client_access static:OK, "
        "reject_unauth_destination\n"
        "default_transport = discard:\n"
    )
    outcome = candidate(practice, lines)
    assert isinstance(outcome, RolledBack)
    assert "open relay" in outcome.cause
    assert practice.works()


def test_the_linter_refuses_a_plan_before_anything_is_touched(
    practice: Practice,
) -> None:
    made = practice.candidate(Tried("smtpd_relay_restrictions =\n"))
    findings = lint(MainCf.parse(made.after.main), practice.observed().facts)
    outcome = practice.apply(replace(made, findings=findings))
    assert isinstance(outcome, Refused)
    assert "reject_unauth_destination" in outcome.cause
    assert practice.works()


def table(text: str, kind: str = "hash") -> Table:
    """A sender table without hand-written lines."""
    return Table("access", kind, "1", text_lines(text), hand="")


@pytest.mark.parametrize(
    "bad",
    [table("example.com REJECT\n", "dbm"), table("nonsense\n")],
    ids=["postmap fails", "postmap says nothing"],
)
def test_a_table_that_cannot_be_built_is_refused(
    practice: Practice, bad: Table
) -> None:
    outcome = practice.apply(replace(practice.plan(ON), tables=(bad,)))
    assert isinstance(outcome, Refused)
    assert "postmap" in outcome.cause
    assert practice.works()
    assert practice.files() == ["main.cf", "master.cf"]


def test_a_table_is_built_looked_up_and_installed(practice: Practice) -> None:
    made = replace(practice.plan(ON), tables=(table("example.com REJECT\n"),))
    assert isinstance(practice.apply(made), Applied)
    path = practice.instance.config_dir / "access"
    assert path.read_text() == f"{BEGIN}example.com REJECT\n{END}"
    assert path.with_name("access.db").exists()


@pytest.mark.parametrize(
    "step", ["compare", "check", "stage", "rehearse", "checkpoint"]
)
def test_a_failure_before_the_first_byte_is_refused(
    practice: Practice, step: str
) -> None:
    pid = practice.instance.master_pid()
    outcome = practice.apply(practice.plan(ON), fail_at(step))
    assert outcome == Refused(f"made to fail at {step}")
    assert practice.works()
    assert practice.instance.master_pid() == pid


@pytest.mark.parametrize("step", ["baseline", "replace", "restart", "probe"])
def test_a_failure_after_the_first_byte_is_rolled_back(
    practice: Practice, step: str
) -> None:
    outcome = practice.apply(practice.plan(ON), fail_at(step))
    assert outcome == RolledBack(f"made to fail at {step}")
    assert practice.works()


def test_a_way_back_that_fails_is_broken_and_says_both(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(point: Checkpoint) -> None:
        raise FileFailed("main.cf", OSError(5, "Input/output error"))

    monkeypatch.setattr(Checkpoint, "restore", fail)
    outcome = practice.apply(practice.plan(ON), fail_at("probe"))
    assert isinstance(outcome, Broken)
    assert "Input/output error" in outcome.why


def test_a_full_disk_is_refused_and_nothing_is_lost(practice: Practice) -> None:
    with small_disk(practice.instance) as directory:
        with (directory / "filler").open("ab", 0) as file, suppress(OSError):
            while file.write(b"x" * 512):
                pass
        outcome = practice.apply(practice.plan(ON))
        assert isinstance(outcome, Refused)
        assert "No space left on device" in outcome.cause
        assert practice.works()


def test_an_unwritable_directory_is_refused(practice: Practice) -> None:
    with small_disk(practice.instance) as directory:
        run("mount", "-o", "remount,ro", str(directory))
        outcome = practice.apply(practice.plan(ON))
        assert isinstance(outcome, Refused)
        assert "Read-only file system" in outcome.cause
        assert practice.works()


@contextmanager
def small_disk(instance: Instance) -> Iterator[Path]:
    """The configuration directory on a disk of 64 kB, in this namespace only."""
    directory = instance.config_dir
    kept = {path.name: path.read_bytes() for path in directory.iterdir()}
    run("mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "tmpfs", str(directory))
    try:
        for name, data in kept.items():
            (directory / name).write_bytes(data)
            os.utime(directory / name, (0, 0))
        yield directory
    finally:
        run("umount", str(directory))


def run(*words: str) -> None:
    """One command that must end well."""
    subprocess.run(words, check=True)


def test_a_hand_edit_since_the_review_is_refused(practice: Practice) -> None:
    made = practice.plan(ON)
    path = practice.instance.config_dir / "main.cf"
    edited = path.read_text() + "# by hand\n"
    path.write_text(edited)
    outcome = practice.apply(made)
    assert isinstance(outcome, Refused)
    assert f"{path} was edited by hand" in outcome.cause
    assert path.read_text() == edited


def editing(path: Path, step: str, text: str = "# by hand\n") -> Journal:
    """A journal that has somebody edit a file as a step begins."""
    seen: list[str] = []

    def edit(steps: tuple[Step, ...]) -> None:
        seen.append(steps[-1].name)
        if seen.count(step) == 1 and seen[-1] == step:
            path.write_text((path.read_text() if path.exists() else "") + text)

    return Journal(edit)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("main.cf", "stage"),
        ("main.cf", "checkpoint"),
        ("main.cf", "baseline"),
        ("main.cf", "replace"),
        ("master.cf", "replace"),
    ],
)
def test_a_hand_edit_up_to_the_rename_stays(
    practice: Practice, name: str, step: str
) -> None:
    path = practice.instance.config_dir / name
    outcome = practice.apply(practice.plan(ON), editing(path, step))
    assert isinstance(outcome, Refused)
    assert f"{path} was edited" in outcome.cause
    assert path.read_text().endswith("# by hand\n")
    assert practice.works_for_strangers()
    assert all(point.outcome for point in checkpoints(practice.checkpoints))


def test_such_an_edit_is_all_that_differs_afterwards(practice: Practice) -> None:
    main = practice.instance.config_dir / "main.cf"
    made = replace(practice.plan(ON), tables=(table("example.com REJECT\n"),))
    assert isinstance(practice.apply(made, editing(main, "replace")), Refused)
    edited = replace(practice.adopted, main=practice.adopted.main + "# by hand\n")
    assert practice.observed().texts == edited
    assert practice.files() == ["main.cf", "master.cf"]


def test_a_table_edited_before_its_rename_stays(practice: Practice) -> None:
    access = practice.instance.config_dir / "access"
    made = replace(practice.plan(ON), tables=(table("example.com REJECT\n"),))
    outcome = practice.apply(made, editing(access, "replace", "a.example OK\n"))
    assert isinstance(outcome, Refused)
    assert access.read_text() == "a.example OK\n"
    assert practice.works_for_strangers()


def test_an_edit_between_two_renames_stays(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    main, install = practice.instance.config_dir / "main.cf", files.Staged.install

    def and_edit(file: files.Staged) -> None:
        install(file)
        main.write_text(practice.adopted.main + "# by hand\n")

    practice.apply(ON)  # the probe service is there
    practice.apply({})
    made = replace(practice.plan(ON), tables=(table("example.com REJECT\n"),))
    monkeypatch.setattr(files.Staged, "install", and_edit)
    assert isinstance(practice.apply(made), Refused)
    assert practice.instance.main().text == practice.adopted.main + "# by hand\n"
    assert practice.files() == ["main.cf", "master.cf"]


def test_an_edit_after_the_rename_is_not_taken_for_ours(practice: Practice) -> None:
    access = practice.instance.config_dir / "access"

    def edit(steps: tuple[Step, ...]) -> None:
        if steps[-1].name == "probe":
            access.write_text(access.read_text().replace("REJECT", "OK"))

    made = replace(practice.plan(ON), tables=(table("example.com REJECT\n"),))
    outcome = practice.apply(made, Journal(edit))
    assert isinstance(outcome, Applied)
    [point] = checkpoints(practice.checkpoints)
    assert point.standing == outcome.standing != practice.observed().tables


def test_a_second_apply_at_the_same_time_is_refused(practice: Practice) -> None:
    with files.locked(practice.instance.config_dir):
        outcome = practice.apply(practice.plan(ON))
    assert isinstance(outcome, Refused)
    assert "another apply is at work" in outcome.cause


def test_a_stopped_postfix_is_refused_and_stays_stopped(practice: Practice) -> None:
    made = practice.plan(ON)
    practice.instance.stop()
    outcome = practice.apply(made)
    assert isinstance(outcome, Refused)
    assert "Postfix is not running" in outcome.cause
    assert practice.instance.master_pid() is None


@pytest.mark.parametrize("name", ["main.cf", "master.cf"])
def test_a_missing_file_is_refused_by_name(practice: Practice, name: str) -> None:
    made = practice.plan(ON)
    (practice.instance.config_dir / name).unlink()
    outcome = practice.apply(made)
    assert isinstance(outcome, Refused)
    assert name in outcome.cause


def test_mode_owner_and_link_are_kept(practice: Practice) -> None:
    path = practice.instance.config_dir / "main.cf"
    real = practice.room / "kept-in-git.cf"
    path.rename(real)
    path.symlink_to(real)
    real.chmod(0o640)
    os.chown(real, 0, 8)
    assert isinstance(practice.apply(ON), Applied)
    status = real.stat()
    assert path.is_symlink()
    assert (status.st_mode & 0o777, status.st_gid) == (0o640, 8)
    assert "disable_vrfy_command = yes" in real.read_text()


def test_a_reload_is_judged_by_an_smtpd_of_after_it(practice: Practice) -> None:
    practice.apply(ON)
    pid = practice.instance.master_pid()
    made = practice.plan(ON | {"reject_non_fqdn_sender": "on"}, reload=True)
    assert isinstance(practice.apply(made), Applied)
    assert practice.instance.master_pid() == pid
    bad = practice.plan({}, reload=True)
    text = bad.before.main + "smtpd_helo_restrictions = reject_nonsense\n"
    bad = replace(made, before=bad.before, after=Texts(text, bad.before.master))
    assert isinstance(practice.apply(bad, demands=REHEARSED), RolledBack)


def test_off_again_restores_the_bytes_of_main_cf(practice: Practice) -> None:
    every = {"reject_non_fqdn_sender": "on", "reject_unauth_pipelining": "test"}
    practice.apply(every | ON)
    assert practice.instance.main().text != practice.adopted.main
    practice.apply(dict.fromkeys(every | ON, "off"))
    assert practice.instance.main().text == practice.adopted.main
