"""The door to other programs."""

import errno

import pytest

from postfixconf.errors import CommandFailed
from postfixconf.host import commands


def test_a_command_is_ended_when_it_printed_enough() -> None:
    assert commands.head("yes", most=1000) == b"y\n" * 500


def test_a_command_that_never_prints_is_ended() -> None:
    with pytest.raises(CommandFailed, match=r"did not end within 0\.1 seconds"):
        commands.head("sleep", "60", most=1000, timeout=0.1)


def test_a_command_that_is_missing() -> None:
    with pytest.raises(CommandFailed, match="is not installed"):
        commands.head("no-such-program", most=1000)


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(CommandFailed, match="No such file"):
        commands.head("ls", "/no-such-folder", most=1000)


@pytest.fixture(params=[True, False], ids=["told", "not told"])
def _told(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that tells when a process has ended, and one that cannot."""

    def refuse(pid: int) -> int:
        raise OSError(errno.ENOSYS, f"no file for {pid}")

    if not request.param:
        monkeypatch.setattr("os.pidfd_open", refuse)


@pytest.mark.usefixtures("_told")
def test_a_command_has_a_code_and_two_outputs() -> None:
    done = commands.run("ls", "/", "/no-such-folder", check=False)
    assert (done.code, "etc" in done.out) == (2, True)
    assert "No such file" in done.err


@pytest.mark.usefixtures("_told")
def test_a_command_that_takes_too_long_is_ended() -> None:
    with pytest.raises(CommandFailed, match=r"did not end within 0\.1 seconds"):
        commands.run("sleep", "60", timeout=0.1)
