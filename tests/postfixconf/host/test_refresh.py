"""A list of postgrey's is replaced, proven on a real postgrey, or stays."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from postfixconf.errors import HostError, Locked, Refusal, Unproven
from postfixconf.host import files
from postfixconf.host.postgreys import Running, readers
from postfixconf.host.refresh import (
    Applied,
    Broken,
    Refused,
    RolledBack,
    digest,
    install,
    judged,
)
from postfixconf.text.postgrey_files import written
from postfixconf.text.postgrey_lists import Which
from tests.support.postgrey import Postgrey, serving
from tests.support.waiting import eventually

OLD, NEW = "old.example.com\n", "old.example.com\nnew.example.net\n"
BAD = {
    "broken.regex": (b"good.example.com\n/^mail(\\d+\\.example\\.com$/\n", "'/^mail("),
    "junk": (os.urandom(100_000) * 1000, "bytes"),
    "text junk": (b"lorem ipsum dolor\n" * 1000, "'lorem ipsum dolor'"),
    "html": (b"<!DOCTYPE html>\n<html><body>404</body></html>\n", "web page"),
    "empty": (b"", "is empty"),
    "blank": (b"\n\n  \n", "is empty"),
    "comments": (b"# nothing\n# here\n", "no entry"),
    "truncated": (b"good.example.com\nhalf.exam", "'half.exam'"),
    "everything": (b"good.example.com\n.\n", "'.'"),
    "every name": (b"good.example.com\n/./\n", "'/./'"),
    "every address": (b"good.example.com\n0.0.0.0/0\n", "'0.0.0.0/0'"),
    "every .com": (b"good.example.com\ncom\n", "'com'"),
    "nameless": (b"good.example.com\nunknown\n", "'unknown'"),
    "two octets": (b"good.example.com\n10.1\n", "'10.1'"),
    "slow": (b"/(a?){60}a{60}$/\n" * 5, "'/(a?){60}a{60}$/'"),
}  # fmt: skip


@dataclass
class Room:
    """A configuration directory, and the postgrey that reads the list in it."""

    config_dir: Path
    postgrey: Postgrey

    @property
    def path(self) -> Path:
        """The list."""
        return self.config_dir / "mailguard" / "postgrey_published"

    @property
    def daemon(self) -> Running:
        """The one postgrey that was started with it."""
        (found,) = readers(self.path)
        assert isinstance(found, Running)
        return found

    def waits(self, name: str) -> bool:
        """Whether a client of this name is put off."""
        nobody = f"bob-{time.time_ns()}@practice.test"
        return self.daemon.answer(name, nobody).startswith("DEFER_IF_PERMIT")


@pytest.fixture
def room() -> Iterator[Room]:
    """OLD is live, and postgrey has read it."""
    with tempfile.TemporaryDirectory(prefix="mailguard-", dir="/tmp") as name:
        config_dir = Path(name)
        config_dir.chmod(0o755)
        path = config_dir / "mailguard" / "postgrey_published"
        path.parent.mkdir(mode=0o755)
        path.write_text(written(OLD))
        with serving(f"--whitelist-clients={path}") as postgrey:
            yield Room(config_dir, postgrey)


def test_a_good_list_goes_live(room: Room) -> None:
    assert room.waits("new.example.net")
    outcome = install(NEW, room.path, expected=digest(room.path))
    assert isinstance(outcome, Applied)
    assert "read the list again" in outcome.said
    assert not room.waits("mx.new.example.net")
    assert room.waits("other.example")


def test_the_same_list_once_more_changes_nothing(room: Room) -> None:
    before = room.path.read_bytes()
    assert isinstance(install(OLD, room.path), Applied)
    assert room.path.read_bytes() == before


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_list_is_refused_and_quoted(room: Room, kind: str) -> None:
    data, quote = BAD[kind]
    with pytest.raises(Refusal) as caught:
        judged(data, OLD)
    assert quote in str(caught.value)
    assert room.path.read_text() == written(OLD)
    assert not room.waits("old.example.com")


def test_a_list_that_shrinks_is_refused() -> None:
    many = "".join(f"mx{n}.example.com\n" for n in range(100))
    few = "".join(f"mx{n}.example.com\n" for n in range(60))
    with pytest.raises(Refusal, match="40 of 100 entries would go, 40 %"):
        judged(few.encode(), many)
    assert len(judged(few.encode(), many, most=40).values) == 60


def test_a_few_lines_that_mean_nothing_are_kept() -> None:
    good = "".join(f"mx{n}.example.com\n" for n in range(30))
    text = f"{good}/^smarthost.*\\.example\\.de$\n"
    assert judged(text.encode(), None).render() == text


def test_a_hand_edit_is_not_overwritten(room: Room) -> None:
    before = digest(room.path)
    with room.path.open("a") as by_hand:
        by_hand.write("mine.example.com\n")
    outcome = install(NEW, room.path, expected=before)
    assert isinstance(outcome, Refused)
    assert "edited by hand" in outcome.cause
    assert "mine.example.com" in room.path.read_text()


def test_a_bad_line_in_another_list_keeps_postgrey_from_being_told(room: Room) -> None:
    room.postgrey.clients.write_text("/^broken(/\n")
    outcome = install(NEW, room.path)
    assert isinstance(outcome, Refused)
    assert "'/^broken(/'" in outcome.cause
    assert room.path.read_text() == written(OLD)
    assert room.daemon.running


def test_a_postgrey_that_hangs_keeps_the_old_list(room: Room) -> None:
    pid = room.daemon.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        outcome = install(NEW, room.path)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert isinstance(outcome, Refused)
    assert "does not answer" in outcome.cause
    assert room.path.read_text() == written(OLD)


def test_nobody_has_to_be_told_where_postgrey_does_not_run(tmp_path: Path) -> None:
    path = tmp_path / "mailguard" / "postgrey_published"
    outcome = install(NEW, path)
    assert outcome == Applied("No postgrey that runs here reads this list yet.")
    assert path.read_text() == written(NEW)
    assert path.stat().st_mode & 0o777 == 0o644


def test_mode_and_link_of_the_old_list_stay(room: Room) -> None:
    real = room.config_dir / "elsewhere"
    room.path.rename(real)
    room.path.symlink_to(real)
    real.chmod(0o640)
    shutil.chown(real, "postgrey", "postgrey")
    assert isinstance(install(NEW, room.path), Applied)
    assert room.path.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640


def test_an_apply_at_work_is_waited_for(room: Room) -> None:
    with files.locked(room.config_dir), pytest.raises(Locked):
        install(NEW, room.path)
    assert room.path.read_text() == written(OLD)


def test_a_list_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "mailguard").write_text("no directory")
    outcome = install(NEW, tmp_path / "mailguard" / "postgrey_published")
    assert isinstance(outcome, Refused)


class Failing:
    """A postgrey that stops answering once it was told to read the new list."""

    def __init__(self, real: Running, *, dies: bool, comes_back: bool = True) -> None:
        self._real, self._dies, self._back = real, dies, comes_back
        self.told = 0

    @property
    def lists(self) -> Sequence[tuple[Which, Path]]:
        return self._real.lists

    @property
    def running(self) -> bool:
        return self._real.running

    def hang_up(self) -> None:
        self.told += 1
        if self.told == 1 and self._dies:
            os.kill(self._real.pid, signal.SIGKILL)
            eventually(lambda: not self._real.running)
        elif self.told > 1:
            self._real.hang_up()

    def answer(self, name: str, recipient: str) -> str:
        if self.told == 1:
            raise Unproven("postgrey does not answer (made to)")
        return self._real.answer(name, recipient)

    def bring_back(self) -> None:
        if not self._back:
            raise HostError("cannot be started")
        self._real.bring_back()


def test_a_postgrey_that_does_not_answer_by_it_gets_the_old_list(room: Room) -> None:
    outcome = install(NEW, room.path, find=lambda _: [Failing(room.daemon, dies=False)])
    assert isinstance(outcome, RolledBack)
    assert room.path.read_text() == written(OLD)
    assert room.waits("new.example.net")
    assert not room.waits("old.example.com")


def test_a_postgrey_that_dies_of_it_is_started_with_the_old_list(room: Room) -> None:
    dead = room.daemon
    outcome = install(NEW, room.path, find=lambda _: [Failing(dead, dies=True)])
    assert isinstance(outcome, RolledBack)
    assert room.path.read_text() == written(OLD)
    assert room.daemon.pid != dead.pid
    assert not room.waits("old.example.com")


def test_a_way_back_that_fails_is_said(room: Room) -> None:
    failing = Failing(room.daemon, dies=True, comes_back=False)
    outcome = install(NEW, room.path, find=lambda _: [failing])
    assert isinstance(outcome, Broken)
    assert outcome.why == "cannot be started"
    assert room.path.read_text() == written(OLD)


@pytest.mark.parametrize("seconds", [0.0, 0.002, 0.005, 0.01, 0.02, 0.05])
def test_a_kill_leaves_the_old_or_the_new_list(room: Room, seconds: float) -> None:
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            install(NEW, room.path)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert room.path.read_text() in (written(OLD), written(NEW))
    assert not room.waits("old.example.com")
    assert isinstance(install(NEW, room.path), Applied)
    assert not room.waits("new.example.net")
