"""Commands of manage.py at once: each is a fork of a process that has it all loaded.

Most of the time of a command is Python reading the program. Here that is done once;
a command then is a process of its own, with its own arguments, standard streams and
exit code, that runs the script manage.py from its first line.

What this does not handle: two commands at a time, and a change of the program or of
the environment between two commands.
"""

import json
import os
import runpy
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from tempfile import TemporaryFile
from typing import IO

__all__ = ["Forked", "Said"]

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds that one command may take


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


class Forked:
    """The process that has everything loaded; ends with `close`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        # The environment is told and not given: whoever looks for processes of
        # this home must not find one that mailguard did not start.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._write(dict(environment))

    def run(self, *words: str, given: str = "") -> Said:
        """One command; `given` is what it reads on its standard input."""
        self._write([words, given])
        assert self._process.stdout is not None
        return Said(*json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End it, once the last command has ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._process.stdout.close()

    def _write(self, told: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()


def serve(asked: IO[str], answers: IO[str]) -> None:
    """Answer one line with another until there are no more."""
    os.environ.clear()
    os.environ.update(json.loads(asked.readline()))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailguard.settings")
    load()
    for line in asked:
        words, given = json.loads(line)
        answers.write(json.dumps(command(words, given)) + "\n")
        answers.flush()


def load() -> None:
    """Read all of the program, and open nothing: a fork shares what is open."""
    import django
    from django.core.management import get_commands, load_command_class
    from django.urls import get_resolver

    django.setup()
    _ = get_resolver().url_patterns
    for name, app in get_commands().items():
        if isinstance(app, str) and app.startswith("mailguard"):
            load_command_class(app, name)


def command(words: list[str], given: str) -> tuple[int, str, str]:
    """Run one command as a process of its own: its code and its two outputs."""
    with TemporaryFile() as stdin:
        stdin.write(given.encode())
        stdin.seek(0)
        (out, told_out), (err, told_err) = os.pipe(), os.pipe()
        pid = os.fork()
        if not pid:
            for number, file in enumerate((stdin.fileno(), told_out, told_err)):
                os.dup2(file, number)
            os.closerange(3, 1024)
            signal.alarm(PATIENCE)
            os._exit(become(words))
        os.close(told_out)
        os.close(told_err)
        said = read_all(out, err)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), said[out], said[err]


def read_all(*pipes: int) -> dict[int, str]:
    """What is written into pipes until nobody can write any more, by pipe."""
    said = dict.fromkeys(pipes, b"")
    with DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                data = os.read(key.fd, 65536)
                said[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    return {pipe: data.decode() for pipe, data in said.items()}


def become(words: list[str]) -> int:
    """Be `manage.py words`; the exit code."""
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(n, mode) for n, mode in enumerate("rww")
    )
    sys.argv = [str(ROOT / "manage.py"), *words]
    code: object = 0
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if code is not None and not isinstance(code, int):
        sys.stderr.write(f"{code}\n")
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code or 0


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
