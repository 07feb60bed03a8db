"""mailguard's intake in processes that are killed, with a database of their own.

A process with Django set up waits for commands on its standard input, each one line
of JSON, and answers each with one line. What it is told to do it does in children,
which it forks: `kill` ends one with SIGKILL after some time, `together` waits for
several at once. So a campaign pays for starting Django once.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.site import ROOT

__all__ = ["Killable", "killable"]


class Killable:
    """That process: a server named `local`, whose main.cf is in `room`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, **command: Any) -> Any:
        """Send a command; its answer."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def kill(self, what: str, seconds: float, **given: Any) -> bool:
        """Do something in a child that is killed then; whether it was still at it."""
        return bool(self.ask(do="kill", what=what, seconds=seconds, given=given))

    def together(self, *what: str, **given: Any) -> list[int]:
        """Do several things at once, each in a child; their exit codes."""
        return [int(code) for code in self.ask(do="together", what=what, given=given)]

    def rows(self) -> dict[str, list[str]]:
        """Every row that the log led to, as text, without row numbers."""
        return dict(self.ask(do="rows"))

    def sums(self) -> dict[str, Any]:
        """What was counted, and what became of each sender's attempt."""
        return dict(self.ask(do="sums"))


@contextmanager
def killable(home: Path, room: Path) -> Iterator[Killable]:
    """One, with its database in `home`; gone afterwards, its children too."""
    ours = ("DJANGO_SETTINGS_MODULE", "PYTEST_", "MAILGUARD_")
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(ours)
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.killed_child", str(room)],
        cwd=ROOT,
        env=inherited
        | {"MAILGUARD_HOME": str(home), "DJANGO_SETTINGS_MODULE": "mailguard.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Killable(process)
        finally:
            process.kill()
