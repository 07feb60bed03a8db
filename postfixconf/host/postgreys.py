"""The running postgrey of this machine, as their command lines tell of them.

postgrey keeps its own title up to date: the options it was started with. It is asked as
Postfix asks it.

What is not handled: a postgrey in another network namespace than ours (a container).
"""

import os
import re
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from postfixconf.host.commands import run
from postfixconf.host.delegation import TIMEOUT, ask, question
from postfixconf.text.postgrey_lists import Which

__all__ = ["Daemon", "Running", "readers", "reads"]

OPTION = re.compile(r" (?=--?[a-z][a-z-]*(?:[ =]|$))")
DEFAULTS = {
    Which.CLIENTS: "/etc/postgrey/whitelist_clients",
    Which.RECIPIENTS: "/etc/postgrey/whitelist_recipients",
}


class Daemon(Protocol):
    """A running postgrey, as much of it as its lists need."""

    @property
    def lists(self) -> Sequence[tuple[Which, Path]]:
        """The files it reads."""

    @property
    def running(self) -> bool:
        """Whether the process is there."""

    def hang_up(self) -> None:
        """Have it read its lists again; nothing where it is gone."""

    def answer(self, name: str, recipient: str) -> str:
        """Its action for mail of such a client. Raises Unproven where none comes."""

    def bring_back(self) -> None:
        """Start it as it was started. Raises HostError."""


@dataclass(frozen=True)
class Running:
    """A postgrey as its command line tells of it."""

    pid: int
    words: tuple[str, ...]
    unit: str = ""  # the systemd unit it runs in

    @property
    def lists(self) -> tuple[tuple[Which, Path], ...]:
        """The files it reads: those named, or else both defaults of a kind."""
        return tuple(
            (which, Path(name))
            for which, default in DEFAULTS.items()
            for name in self._values(f"--whitelist-{which}")
            or (default, f"{default}.local")
        )

    @property
    def running(self) -> bool:
        """Whether the process is there and is no zombie."""
        with suppress(OSError):
            stat = Path(f"/proc/{self.pid}/stat").read_text()
            return stat.rpartition(") ")[2][:1] not in ("Z", "X")
        return False

    def hang_up(self) -> None:
        """HUP."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGHUP)

    def answer(self, name: str, recipient: str) -> str:
        """What it tells Postfix to do."""
        return ask(self.service, question(name, recipient))

    @property
    def service(self) -> str:
        """How Postfix reaches it: `inet:127.0.0.1:10023`, `unix:/PATH`."""
        if unix := self._values("--unix", "-u"):
            return f"unix:{unix[-1]}"
        place = (self._values("--inet", "-i") or ("10023",))[-1]
        host, _, port = place.rpartition(":")
        return f"inet:{host or '127.0.0.1'}:{port}"

    def bring_back(self) -> None:
        """Through systemd where it is a unit of its own, else with the same words."""
        if self.unit:
            run("systemctl", "restart", self.unit, timeout=60)
        else:
            deadline = time.monotonic() + TIMEOUT
            # While its process id is not collected, its pid file forbids another.
            while Path(f"/proc/{self.pid}").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            words = [part for word in self.words for part in _parts(word)]
            extra = () if {"--daemonize", "-d"} & set(words) else ("--daemonize",)
            run(*words, *extra, timeout=30)

    def _values(self, *options: str) -> tuple[str, ...]:
        """What stands behind an option, each time it is given."""
        found = []
        for word in self.words[1:]:
            option, equals, value = word.partition("=" if "=" in word else " ")
            if option in options and equals:
                found.append(value)
        return tuple(found)


def readers(path: Path) -> list[Daemon]:
    """The running postgrey that were started with this list, of our network."""
    found: list[Daemon] = []
    for each in _daemons():
        if reads(each, path):
            found.append(each)
    return found


def _daemons() -> Iterator[Running]:
    ours = _network("self")
    for directory in sorted(Path("/proc").glob("[0-9]*")):
        with suppress(OSError):
            command = (directory / "cmdline").read_bytes().strip(b"\0")
            words = _words(command.decode("utf-8", "surrogateescape"))
            if words and _network(directory.name) == ours:
                yield Running(int(directory.name), words, _unit(directory))


def _words(command: str) -> tuple[str, ...]:
    """The words of a postgrey; none for another program.

    It writes them into its own title with spaces between, so a word that holds a space
    and then what looks like an option is taken apart wrongly.
    """
    if command.startswith("postgrey "):
        return tuple(OPTION.split(command.replace("\0", " ").rstrip()))
    return ()


def _parts(word: str) -> list[str]:
    """`--inet 10023` in two; a value behind `=` stays, whatever it holds."""
    return [word] if "=" in word else word.split(" ", 1)


def _network(pid: str) -> str:
    return str(Path(f"/proc/{pid}/ns/net").readlink())


def _unit(directory: Path) -> str:
    """The systemd unit that a process is all of; empty where there is none."""
    if not Path("/run/systemd/system").is_dir():
        return ""
    text = (directory / "cgroup").read_text()
    found = re.search(r"/(postgrey[\w@.-]*\.service)$", text, re.MULTILINE)
    return found[1] if found else ""


def reads(daemon: Daemon, path: Path) -> bool:
    """Whether a daemon was started with a list."""
    return path.resolve() in {file.resolve() for _, file in daemon.lists}
