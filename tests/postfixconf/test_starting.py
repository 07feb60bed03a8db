"""A server that is started at once is what `postfix start` would have made of it."""

import re
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from postfixconf.host import practice
from postfixconf.host.instance import Instance
from tests.support.dns import Dns
from tests.support.site import parent_of
from tests.support.starting import start
from tests.support.waiting import eventually

Seen = tuple[dict[str, tuple[str, str, str]], list[str], list[str]]


def directories(room: Path) -> dict[str, tuple[str, str, str]]:
    """Every directory below, with mode, owner and group."""
    return {
        str(path.relative_to(room)): (
            stat.filemode(path.stat().st_mode),
            path.owner(),
            path.group(),
        )
        for path in room.rglob("*")
        if path.is_dir()
    }


def manager(master: int | None) -> Path | None:
    """The /proc directory of master's queue manager."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            named = (path / "comm").read_text() == "qmgr\n"
        except OSError:
            continue
        if named and parent_of(int(path.name)) == master:
            return path
    return None


def seen(begin: Callable[[Instance], None]) -> Seen:
    """Directories, the log, and what a daemon has for its environment."""
    with TemporaryDirectory(prefix="mailguard-", dir="/tmp") as name:
        room = Path(name)
        room.chmod(0o755)
        instance = practice.create(room / "practice", 2525)
        begin(instance)
        try:
            eventually(lambda: manager(instance.master_pid()) is not None)
            daemon = manager(instance.master_pid())
            assert daemon is not None
            log = room / "practice" / "log" / "mail.log"
            eventually(lambda: "daemon started" in log.read_text())
            lines = re.sub(r"\[\d+\]", "", log.read_text().replace(name, "room"))
            given = (daemon / "environ").read_text().replace(name, "room")
            told = [each[16:] for each in lines.splitlines()]  # without the time
            return directories(room), told, sorted(given.split("\0"))
        finally:
            instance.stop()


@pytest.mark.parametrize("part", range(3), ids=["directories", "log", "environment"])
def test_a_server_started_at_once_is_as_postfix_starts_it(dns: Dns, part: int) -> None:
    assert seen(start)[part] == seen(Instance.start)[part]
