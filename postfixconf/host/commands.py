"""The only door to other programs: a list of words, a time limit, captured output.

Output goes to a temporary file and not to a pipe: `postfix start` leaves a
daemon behind that would keep a pipe open for ever. No shell, ever.
"""

import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Timer
from typing import IO, Any

from postfixconf.errors import CommandFailed

__all__ = ["Done", "attended", "head", "run"]

# Postfix's commands live in /usr/sbin, which a plain user's PATH lacks.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LONGEST_OUTPUT = 8_000_000


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit code and what it printed."""

    code: int
    out: str
    err: str


def run(
    *words: str, timeout: float = 30.0, check: bool = True, given: str = ""
) -> Done:
    """Run one command in a session of its own and wait for it.

    `timeout` is in seconds; `given` is what it reads on its standard input.
    Raises CommandFailed when the program is missing, runs too long, or (with
    `check`) exits with anything but 0. A session of its own keeps a Postfix that we
    start alive when our process group is killed.
    """
    with (
        tempfile.TemporaryFile() as given_to,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given_to.write(given.encode("utf-8", "surrogateescape"))
        given_to.seek(0)
        with (
            _failing(words, timeout),
            subprocess.Popen(
                list(words), stdin=given_to, stdout=out, stderr=err, **surroundings()
            ) as process,
        ):
            _wait(process, timeout)
        done = Done(process.returncode, _text(out), _text(err))
    if check and done.code != 0:
        said = (done.err or done.out).strip()[-2000:]
        raise CommandFailed(" ".join(words), f"exit {done.code}", said)
    return done


def _wait(process: "subprocess.Popen[bytes]", timeout: float) -> None:
    """Wait for a process to end; it is killed after `timeout`, or when we are cut off.

    Python's own wait with a time limit looks every now and then, up to 50 ms late:
    the kernel is asked to tell, where it can.
    """
    try:
        with suppress(OSError):
            _told(process.pid, timeout)
            timeout = 0.0
        process.wait(timeout)
    except BaseException:
        process.kill()
        raise


def _told(pid: int, timeout: float) -> None:
    """Return when a process has ended, or `timeout` seconds have gone by."""
    ended = os.pidfd_open(pid)
    try:
        asked = select.poll()
        asked.register(ended, select.POLLIN)
        asked.poll(timeout * 1000)
    finally:
        os.close(ended)


def head(*words: str, most: int, timeout: float = 30.0) -> bytes:
    """The first `most` bytes that a command prints; then it is ended.

    For a command that starts nothing and could print without end. Raises
    CommandFailed when it is missing, runs longer than `timeout` seconds, or ends by
    itself with anything but 0.
    """
    with tempfile.TemporaryFile() as err:
        with _failing(words, timeout):
            process = subprocess.Popen(
                list(words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=err,
                **surroundings(),
            )
        with _ended_after(process, timeout):
            out = process.stdout.read(most) if process.stdout else b""
            if len(out) == most:
                process.kill()
        said = _text(err, "replace").strip()[-2000:]
    if len(out) < most and process.returncode != 0:
        killed = process.returncode == -signal.SIGKILL
        raise CommandFailed(
            " ".join(words), _too_long(timeout) if killed else "failed", said
        )
    return out


@contextmanager
def _failing(words: tuple[str, ...], timeout: float) -> Iterator[None]:
    """Raises CommandFailed for a program that is missing or runs too long."""
    try:
        yield
    except FileNotFoundError as cause:
        reason = f"{words[0]} is not installed"
        raise CommandFailed(" ".join(words), reason) from cause
    except subprocess.TimeoutExpired as cause:
        raise CommandFailed(" ".join(words), _too_long(timeout)) from cause


def _too_long(timeout: float) -> str:
    return f"did not end within {timeout:g} seconds"


def _text(stream: IO[bytes], errors: str = "surrogateescape") -> str:
    """What stands in a file of output, as far as anybody reads."""
    stream.seek(0)
    return stream.read(LONGEST_OUTPUT).decode("utf-8", errors)


@contextmanager
def _ended_after(process: "subprocess.Popen[bytes]", seconds: float) -> Iterator[None]:
    watch = Timer(seconds, process.kill)
    watch.start()
    try:
        with process:  # waits for its end
            yield
    finally:
        watch.cancel()


@contextmanager
def attended(*words: str, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A daemon that lives as long as this, and what it starts with it.

    The whole process group is killed at the end: for what may be thrown away. It is
    killed too when we are. `environment` is added to what every command gets; its
    standard error can be read. Raises CommandFailed when a program is missing.
    """
    all_words = ["setpriv", "--pdeathsig", "KILL", "--", *words]
    around = surroundings()
    around["env"] |= environment
    with tempfile.TemporaryFile() as err:
        try:
            process = subprocess.Popen(
                all_words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=err,
                **around,
            )
        except FileNotFoundError as cause:
            raise CommandFailed(words[0], "setpriv is not installed") from cause
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def surroundings() -> dict[str, Any]:
    """What every command runs in: no folder of ours, a session of its own.

    TZ alone is passed on: Postfix's log stamps follow it.
    """
    zone = {"TZ": os.environ["TZ"]} if "TZ" in os.environ else {}
    env = {"PATH": PATH, "LC_ALL": "C", "HOME": "/root"} | zone
    return {"env": env, "cwd": "/", "start_new_session": True}
