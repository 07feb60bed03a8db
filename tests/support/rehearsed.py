"""What the tests of rehearsals share: a server that must stay as it is, and its check.

`untouched` looks at everything by which somebody could tell that a live server was
talked to; `checked` asks `postfix check`, which is what an administrator would do.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from postfixconf.host.instance import Instance
from postfixconf.host.rehearsal.running import Candidate
from postfixconf.policy.plan import Plan
from tests.support.practice import Practice

__all__ = ["candidate_of", "checked", "old", "untouched"]

Seen = dict[str, tuple[bytes, int, int]]


def files_of(instance: Instance) -> Seen:
    """Every file of a configuration directory: its bytes, inode and time."""
    return {
        str(path): (path.read_bytes(), path.stat().st_ino, path.stat().st_mtime_ns)
        for path in sorted(instance.config_dir.rglob("*"))
        if path.is_file()
    }


@contextmanager
def untouched(server: Practice) -> Iterator[None]:
    """Nothing in here may write to a server, restart it, or make it log a line."""
    before = files_of(server.instance), server.instance.master_pid(), server.log()
    assert before[1] is not None
    yield
    after = files_of(server.instance), server.instance.master_pid(), server.log()
    assert after == before


def checked(plan: Plan, server: Practice) -> int:
    """The exit code of `postfix check` on a copy of what a plan would write."""
    with TemporaryDirectory(prefix="mailguard-") as directory:
        room = Path(directory)
        room.chmod(0o755)
        copy = room / "etc"
        shutil.copytree(server.instance.config_dir, copy)
        live = str(server.instance.config_dir.parent)
        for name, text in (
            ("main.cf", plan.after.main.replace(live, directory)),
            ("master.cf", plan.after.master),
        ):
            old(copy / name, text)
        for name in ("spool", "data", "log", "mail"):
            (room / name).mkdir()
        shutil.chown(room / "data", "postfix", "postfix")
        command = ["postfix", "-c", str(copy), "check"]
        return subprocess.run(command, timeout=30, check=False).returncode


def old(path: Path, text: str) -> None:
    """Write a file that looks old: Postfix waits for a young one."""
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    earlier = time.time() - 60
    os.utime(path, (earlier, earlier))


def candidate_of(server: Practice, main: str = "", master: str = "") -> Candidate:
    """What a server has, with more lines."""
    texts = server.observed().texts
    instance = server.instance
    return Candidate(
        texts.main + main,
        texts.master + master,
        instance.config_dir,
        instance.queue_directory,
    )
