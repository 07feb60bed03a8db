"""The contract of `make run`: one line, every process stopped, one sentence each."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mailguard.changes.models import State
from tests.support.site import ROOT, Site, nothing, processes, running
from tests.support.smtp import attempt

UP = [sys.executable, str(ROOT / "manage.py"), "up"]


@pytest.fixture
def own(dns: object) -> Iterator[Site]:
    """A site of this test's own, to break."""
    with running() as site:
        yield site


def up(**environment: str) -> "subprocess.CompletedProcess[str]":
    """Try to start in a home that is thrown away."""
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        Path(home).chmod(0o755)
        given = {"PATH": os.environ["PATH"], "MAILGUARD_HOME": home} | environment
        return subprocess.run(
            UP, env=given, cwd=ROOT, capture_output=True, text=True, timeout=60
        )


def waits_for(site: Site, number: int, *states: str) -> str:
    """The state of a revision once it is one of `states`."""
    end = time.monotonic() + 40
    while time.monotonic() < end:
        _, told = site.manage("history")
        for revision in told["revisions"]:
            if revision["number"] == number and revision["state"] in states:
                return str(revision["state"])
        time.sleep(0.2)
    raise AssertionError(told)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_exits_0_and_nothing_is_left(number: int, dns: object) -> None:
    with running(nothing) as own:
        assert own.postfix.master_pid() is not None
        assert own.stop(number) == 0
        assert processes(own.home) == []
        assert own.postfix.master_pid() is None


def test_a_taken_port_is_said_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        done = up(MAILGUARD_BIND=bind)
    assert done.returncode == 2
    assert f"mailguard: {bind} cannot be used (Address already in use)" in done.stderr


def test_a_home_that_postfix_cannot_enter_is_said_in_one_sentence() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as closed:
        done = up(MAILGUARD_HOME=f"{closed}/var")
    assert done.returncode == 2
    assert "user postfix cannot enter" in done.stderr


@pytest.mark.parametrize("bind", ["nonsense", "127.0.0.1:", ":80x", "a\nb"])
def test_a_bad_bind_is_quoted(bind: str) -> None:
    done = up(MAILGUARD_BIND=bind)
    assert done.returncode == 2
    assert repr(bind) in done.stderr


def test_a_directory_without_main_cf_is_named() -> None:
    done = up(MAILGUARD_CONFIG_DIR="/tmp")
    assert done.returncode == 2
    assert "there is no main.cf in /tmp" in done.stderr


def test_a_home_looks_after_one_server_only(own: Site) -> None:
    own.stop()
    other = own.home / "other"
    other.mkdir()
    (other / "main.cf").touch()
    given = own.environment | {"MAILGUARD_CONFIG_DIR": str(other)}
    done = subprocess.run(
        UP, env=given, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert f"practice/etc, not {other}" in done.stderr


def test_somebody_else_than_root_is_told_so() -> None:
    become = ["setpriv", "--reuid=nobody", "--clear-groups", "deploy/setup", "run"]
    done = subprocess.run(become, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "please run this as root" in done.stderr


def test_a_second_start_keeps_the_password_and_the_server(own: Site) -> None:
    own.manage("set", "disable_vrfy_command=on")
    own.manage("apply", "--reason", "kept")
    text = own.postfix.main().text
    own.stop()
    process = subprocess.Popen(
        UP,
        env=own.environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline().endswith("user: admin  password: unchanged\n")
        assert own.postfix.main().text == text
        process.terminate()
        assert process.wait(30) == 0


def test_a_killed_worker_comes_back_and_finishes_or_undoes(own: Site) -> None:
    own.manage("set", "reject_unauth_pipelining=on")
    own.manage("apply", "--reason", "to be killed", "--timeout", "0")
    os.kill(own.pid_of("celery -q -A mailguard worker"), signal.SIGKILL)
    ends = (State.APPLIED, State.REFUSED, State.ROLLED_BACK)
    assert waits_for(own, 2, *ends)
    assert attempt("a@good.example", "b@practice.test", src="127.0.0.10").ok


def test_a_revision_waits_for_a_worker_that_sleeps(own: Site) -> None:
    worker = own.pid_of("celery -q -A mailguard worker")
    os.kill(worker, signal.SIGSTOP)
    own.manage("set", "disable_vrfy_command=on")
    code, told = own.manage("apply", "--reason", "later", "--timeout", "0.5")
    assert (code, told["outcome"]) == (3, "queued")
    os.kill(worker, signal.SIGCONT)
    assert waits_for(own, told["revision"], State.APPLIED)


def broker_of(site: Site) -> int:
    """The private Redis; it writes its socket's path over its own command."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if words.startswith("redis-server") and str(site.home) in words:
                return int(path.parent.name)
    raise AssertionError("no broker")


def test_a_revision_survives_the_broker(own: Site) -> None:
    broker = broker_of(own)
    own.manage("set", "disable_vrfy_command=on")
    os.kill(broker, signal.SIGSTOP)
    _, told = own.manage("apply", "--reason", "no broker", "--timeout", "0.5")
    os.kill(broker, signal.SIGKILL)
    assert waits_for(own, told["revision"], State.APPLIED)


def test_postfix_outlives_the_workers_process_group(own: Site) -> None:
    own.manage("set", "disable_vrfy_command=on")
    own.manage("apply", "--reason", "restarted by the worker")
    pid = own.postfix.master_pid()
    os.killpg(os.getpgid(own.pid_of("celery -q -A mailguard worker")), signal.SIGKILL)
    time.sleep(3)  # long enough for a supervisor that would stop everything
    assert own.process.poll() is None
    assert own.postfix.master_pid() == pid
    assert attempt("a@good.example", "b@practice.test", src="127.0.0.10").ok


def test_the_supervisor_is_small() -> None:
    told = "import sys, mailguard.supervisor; print(*sys.modules)"
    words = [sys.executable, "-c", told]
    loaded = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"django", "celery"} & set(loaded.stdout.split())


def test_the_password_is_in_no_command_line(own: Site) -> None:
    assert processes(own.home)
    assert not [x for _, x in processes(own.home) if own.password in x]
