"""The whole of mailguard as an administrator starts it, in a home of its own."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postfixconf.host.instance import Instance

__all__ = ["ROOT", "Site", "running"]

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
        command = [sys.executable, str(ROOT / "manage.py"), *words, "--json"]
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=ROOT,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

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
    """A home is empty before the first start."""


@contextmanager
def running(prepare: Callable[[Path], None] = nothing, **extra: str) -> Iterator[Site]:
    """Start everything and wait for its one line; stop it afterwards.

    `prepare` may put something into the home before that.
    """
    home = tempfile.mkdtemp(prefix="mailguard-", dir="/tmp")
    Path(home).chmod(0o755)
    prepare(Path(home))
    ours = ("DJANGO_SETTINGS_MODULE", "PYTEST_")
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(ours)
    }
    environment = inherited | {"MAILGUARD_HOME": home} | extra
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
        yield Site(process, environment, match[1], match[2])
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)
        assert process.stdout is not None
        process.stdout.close()
        shutil.rmtree(home)
