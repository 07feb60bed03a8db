"""Having postgrey read its lists again, and seeing that it has.

HUP makes postgrey read every list it was started with, also those written by hand; one
regular expression that Perl cannot compile then kills it, and all mail is put off. So
all of them are tried first. Each list of ours holds a name that no other version has
(`canary`): asked about a client of that name, postgrey's answer tells which version it
has read. It is asked as Postfix asks it.

    for daemon in readers(path):        # the postgrey that were started with this list
        reread(daemon, path, text)      # raises Refusal before, Unproven after the HUP

A daemon is known by its command line, which postgrey keeps up to date. Whoever has
other means (a service manager of its own) hands over something else that is a `Daemon`.

What is not handled: a postgrey in another network namespace than ours (a container).
"""

import os
import re
import shlex
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from postfixconf.errors import FileFailed, Refusal, Unproven
from postfixconf.host import files, perl
from postfixconf.host.commands import run
from postfixconf.text.postgrey_lists import PROBE_SENDER, Which, canary_in

__all__ = [
    "Daemon",
    "Running",
    "ask",
    "bring_back",
    "greet",
    "readers",
    "reread",
    "try_lists",
]

ANSWER_WITHIN = 5.0  # seconds, as long as Postfix is told to wait
READ_WITHIN = 10.0
AGAIN = 0.5  # a HUP that comes while it is busy may go unheard
PASSES = "DUNNO"
CLIENT = "192.0.2.66"  # TEST-NET-1: nobody's address (RFC 5737)
NAME = "mailguard-probe.invalid"
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
        unix, inet = self._values("--unix", "-u"), self._values("--inet", "-i")
        if unix:
            return ask(unix[-1], name, recipient)
        host, _, port = (inet or ("10023",))[-1].rpartition(":")
        if not port.isdecimal():
            raise Unproven(f"postgrey listens nowhere that is known: {port!r}")
        return ask((host.strip("[]") or "127.0.0.1", int(port)), name, recipient)

    def bring_back(self) -> None:
        """Through systemd where it is a unit of its own, else with the same words."""
        if self.unit:
            run("systemctl", "restart", self.unit, timeout=60)
        else:
            deadline = time.monotonic() + ANSWER_WITHIN
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


def ask(place: str | tuple[str, int], name: str, recipient: str) -> str:
    """What postgrey at a UNIX socket or port tells Postfix to do with such a client.

    Raises Unproven where no answer comes within five seconds.
    """
    request = {
        "request": "smtpd_access_policy",
        "protocol_state": "RCPT",
        "protocol_name": "ESMTP",
        "client_name": name,
        "client_address": CLIENT,
        "helo_name": NAME,
        "sender": PROBE_SENDER,
        "recipient": recipient,
    }
    text = "".join(f"{key}={value}\n" for key, value in request.items()) + "\n"
    kind = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET
    if not isinstance(place, str) and ":" in place[0]:
        kind = socket.AF_INET6
    try:
        with socket.socket(kind) as connected:
            connected.settimeout(ANSWER_WITHIN)
            connected.connect(place)
            connected.sendall(text.encode())
            got = b""
            while b"\n\n" not in got and (piece := connected.recv(4096)):
                got += piece
    except OSError as cause:
        raise Unproven(f"postgrey does not answer ({cause})") from cause
    action = re.match(rb"action=([^\n]*)\n", got)
    if action is None:
        raise Unproven(f"postgrey answers with something else: {got[:60]!r}")
    return action[1].decode("utf-8", "replace")


def try_lists(daemon: Daemon) -> None:
    """Refuse a HUP that would kill the daemon.

    Raises Refusal, which quotes the line that Perl cannot compile.
    """
    for which, path in daemon.lists:
        try:
            text = files.read(path).text
        except FileFailed:
            continue  # postgrey only warns
        for line in perl.faults(text, which):
            if line.fault.startswith(perl.BROKEN):
                raise Refusal(
                    f"{path}, line {line.number}: {shlex.quote(line.text)}: "
                    f"{line.fault}. Told to read it, postgrey would die. Correct that "
                    "line first."
                )


def reread(daemon: Daemon, path: Path) -> str:
    """Have a daemon read its lists again; what was seen of it.

    `path` is one of its lists as it is now, with a canary. Raises Refusal, where it
    was not told because a list would kill it, and Unproven.
    """
    try_lists(daemon)
    which = next(w for w, file in daemon.lists if file.resolve() == path.resolve())
    name = canary_in(files.read(path).text)
    if name is None:
        raise Refusal(f"{path} is not as mailguard wrote it: it has no line to ask for")
    begun = time.monotonic()
    told = begun - AGAIN
    while True:
        if time.monotonic() - told >= AGAIN:
            daemon.hang_up()
            told = time.monotonic()
        if _passes(daemon, which, name):
            ms = round((time.monotonic() - begun) * 1000)
            return f"postgrey read the list again and answered by it after {ms} ms"
        if not daemon.running:
            raise Unproven("postgrey died when it was told to read its lists again")
        if time.monotonic() - begun > READ_WITHIN:
            raise Unproven(
                f"postgrey answers, but has not read the new list: may its user read "
                f"{path}?"
            )
        time.sleep(0.05)


def _passes(daemon: Daemon, which: Which, name: str) -> bool:
    """Whether a client, or recipient, that only this version lets in gets in."""
    if which is Which.CLIENTS:
        return daemon.answer(name, somebody(NAME)).startswith(PASSES)
    return daemon.answer(NAME, somebody(name)).startswith(PASSES)


def greet(daemon: Daemon) -> None:
    """See that it answers. Raises Unproven."""
    daemon.answer(NAME, somebody(NAME))


def somebody(domain: str) -> str:
    """A recipient that nobody was asked about yet.

    One that was would be let in when it is asked about again after the delay, and five
    of those would put the probe on postgrey's own list of known clients.
    """
    return f"probe-{time.time_ns():x}@{domain}"


def reads(daemon: Daemon, path: Path) -> bool:
    """Whether a daemon was started with a list."""
    return path.resolve() in {file.resolve() for _, file in daemon.lists}


def bring_back(daemon: Daemon, path: Path) -> None:
    """After the old list is back in its place: have the daemon read it, or start it.

    Raises HostError where it cannot be brought to answer.
    """
    if daemon.running:
        daemon.hang_up()
        greet(daemon)
        return
    daemon.bring_back()
    deadline = time.monotonic() + READ_WITHIN
    while True:
        try:
            found = readers(path) or [daemon]
            greet(found[0])
            return
        except Unproven:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
