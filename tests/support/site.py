"""The whole of mailguard as an administrator starts it, in a home of its own."""

import atexit
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from postfixconf.host.instance import Instance
from tests.support.forked import Forked, Said

__all__ = ["ROOT", "Site", "nothing", "running", "with_tables"]

ROOT = Path(__file__).resolve().parents[2]
LINE = re.compile(r"mailguard: (http://\S+)/  user: admin  password: (\S+)\n")


@dataclass
class Site:
    """A running mailguard with its practice server on port 2525."""

    process: "subprocess.Popen[str]"
    environment: dict[str, str]
    url: str
    password: str
    port: int = 2525
    _forked: Forked | None = None

    @property
    def home(self) -> Path:
        """Its MAILGUARD_HOME."""
        return Path(self.environment["MAILGUARD_HOME"])

    @property
    def postfix(self) -> Instance:
        """Its practice server."""
        return Instance(self.home / "practice" / "etc")

    def manage(self, *words: str, given: str = "") -> tuple[int, dict[str, Any]]:
        """One command of manage.py with --json: its exit code and its object.

        `given` is what it reads on its standard input.
        """
        said = self.command(*words, "--json", given=given)
        assert said.out, said.err
        return said.code, json.loads(said.out)

    def command(self, *words: str, given: str = "") -> Said:
        """One command of manage.py: its exit code and what it wrote."""
        if self._forked is None:
            self._forked = Forked(self.environment)
        return self._forked.run(*words, given=given)

    def close(self) -> None:
        """Nobody asks for a command any more."""
        if self._forked is not None:
            self._forked.close()

    def pid_of(self, words: str) -> int:
        """The process id of the one process of this site whose command has `words`."""
        found = {pid for pid, text in processes(self.home) if words in text}
        # A child that has not become its own program yet still looks like its parent.
        alone = [pid for pid in found if parent_of(pid) not in found]
        assert len(alone) == 1, f"{words}: {found}"
        return alone[0]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Tell it to stop; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


def parent_of(pid: int) -> int | None:
    """The parent's process id; None where the process has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(") ")[2].split()[1])


def processes(home: Path) -> list[tuple[int, str]]:
    """Every process that was started with this MAILGUARD_HOME: id and command."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            environment = (directory / "environ").read_bytes()
            command = (directory / "cmdline").read_bytes()
        except OSError:
            continue
        if f"MAILGUARD_HOME={home}\0".encode() in environment and command:
            text = command.replace(b"\0", b" ").decode(errors="replace")
            found.append((int(directory.name), text))
    return found


def nothing(home: Path) -> None:
    """What a home has before the very first start."""


@cache
def migrated() -> Path:
    """A database with every table and nobody in it, made once."""
    home = tempfile.mkdtemp(prefix="mailguard-", dir="/tmp")
    atexit.register(shutil.rmtree, home)
    command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--no-input"]
    environment = outside() | {"MAILGUARD_HOME": home}
    subprocess.run([*command, "-v0"], env=environment, cwd=ROOT, check=True)
    return Path(home) / "mailguard.sqlite3"


def with_tables(home: Path) -> None:
    """Make a home's tables before the first start: making them takes seconds."""
    shutil.copy(migrated(), home)


def outside() -> dict[str, str]:
    """The environment without what these tests have put into it."""
    ours = ("DJANGO_SETTINGS_MODULE", "PYTEST_")
    return {
        name: value for name, value in os.environ.items() if not name.startswith(ours)
    }


@contextmanager
def running(
    prepare: Callable[[Path], None] = with_tables, **extra: str
) -> Iterator[Site]:
    """Start everything and wait for its one line; stop it afterwards.

    `prepare` puts into the home what is to be there before that.
    """
    home = tempfile.mkdtemp(prefix="mailguard-", dir="/tmp")
    Path(home).chmod(0o755)
    prepare(Path(home))
    environment = outside() | {"MAILGUARD_HOME": home} | extra
    with (Path(home) / "stderr").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "up"],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = LINE.fullmatch(line)
        assert match, line + (Path(home) / "stderr").read_text()
        site = Site(process, environment, match[1], match[2])
        with closing(site):
            yield site
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)
        assert process.stdout is not None
        process.stdout.close()
        shutil.rmtree(home)
