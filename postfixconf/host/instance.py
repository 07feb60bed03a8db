"""One Postfix instance: where it lives, its state, start, stop and reload.

Under systemd the machine's own instance is started by systemctl: started from
here, master would live in our control group and die with it, and Debian's
chroot copy would be skipped. Everywhere else `postfix -c DIR` in a session of
its own. Several instances of one machine each have their own directory.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from postfixconf.errors import CommandFailed, HostError
from postfixconf.host import files, ports
from postfixconf.host.commands import run
from postfixconf.host.log import Log
from postfixconf.text.mastercf import MasterCf

__all__ = ["Instance"]

SYSTEM = Path("/etc/postfix")
SYSTEMD = Path("/run/systemd/system")
STOP_WITHIN = 10.0  # seconds
DYING = 0.3  # seconds until a master that failed to start has let go of its ports
UNITS = ("postfix@-.service", "postfix.service")


@dataclass(frozen=True)
class Instance:
    """The Postfix whose configuration directory is `config_dir` (absolute).

    Raises HostError from every method where the machine refuses.
    """

    config_dir: Path

    def main(self) -> files.Saved:
        """main.cf as it stands."""
        return files.read(self.config_dir / "main.cf")

    def master(self) -> files.Saved:
        """master.cf as it stands."""
        return files.read(self.config_dir / "master.cf")

    def values(self, *names: str, defaults: bool = False) -> dict[str, str]:
        """Parameters as Postfix sees them, `$` expanded; all of them if none named.

        With `defaults`, Postfix's own defaults, not expanded.
        """
        options = ["-d"] if defaults else ["-x"]
        done = run("postconf", "-c", str(self.config_dir), *options, *names, timeout=15)
        pairs = (line.partition(" =") for line in done.out.splitlines())
        return {name: value.strip() for name, _, value in pairs}

    @cached_property
    def queue_directory(self) -> Path:
        """Where the sockets, the queue and the pid file are."""
        return Path(self.values("queue_directory")["queue_directory"])

    @cached_property
    def log(self) -> Log:
        """The mail log of this instance."""
        return Log.of(self.maillog_file)

    @cached_property
    def maillog_file(self) -> str:
        """Where Postfix itself writes its log; empty where syslog does."""
        return self.values("maillog_file")["maillog_file"]

    def master_pid(self) -> int | None:
        """The process id of a running master, None when Postfix is stopped."""
        try:
            text = (self.queue_directory / "pid" / "master.pid").read_text()
            pid = int(text)
            _, _, rest = Path(f"/proc/{pid}/stat").read_text().partition(" (master) ")
        except (OSError, ValueError):
            return None
        return pid if rest and not rest.startswith("Z") else None

    def processes(self, service: str) -> frozenset[int]:
        """The process ids of what master runs for a service, by its name there."""
        master = self.master_pid()
        return frozenset(pid for pid in children(master) if named(pid) == service)

    def start(self) -> None:
        """Start Postfix; returns when master listens."""
        self._control("start")

    def stop(self) -> None:
        """Stop Postfix, if it runs, even with a main.cf that no command reads.

        Tells master itself: `postfix stop` logs first, and waits up to a minute
        for a log daemon that dies of the same main.cf. Raises CommandFailed when
        master has not ended after 10 seconds.
        """
        if self._unit() is not None:
            self._control("stop")
            return
        pid = self.master_pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + STOP_WITHIN
        while alive(pid):  # its children hold the ports a moment longer
            if time.monotonic() > end:
                raise CommandFailed("postfix stop", "master does not end")
            time.sleep(0.005)

    def reload(self) -> None:
        """Have every Postfix process read its configuration again."""
        self._control("reload")

    def restart(self) -> None:
        """Stop and start. Open sessions are dropped; the other side retries.

        With a main.cf that Postfix cannot read nothing is stopped: the Postfix of
        before goes on.
        """
        if said := self.unreadable():
            raise CommandFailed("postfix restart", "main.cf cannot be read", said)
        if self._unit() is not None:
            self._control("restart")
            return
        self.stop()
        self.start()

    def _control(self, verb: str) -> None:
        """Run one verb; the reason of a failure is read from the mail log."""
        unit = self._unit()
        mark = self.log.mark()
        try:
            if unit is not None:
                run("systemctl", verb, unit, timeout=60)
            else:
                run("postfix", "-c", str(self.config_dir), verb, timeout=60)
        except CommandFailed as cause:
            known = [*self.log.remarks(mark), cause.said, self._complaint()]
            said = "; ".join(each for each in known if each)
            raise CommandFailed(f"postfix {verb}", cause.reason, said) from cause

    def _complaint(self) -> str:
        """Why a command failed, where Postfix has not said it in the log."""
        said = self.unreadable()
        if said or self.master_pid() is not None:
            return said
        time.sleep(DYING)
        held = ports.taken(MasterCf.parse(self.master().text))
        return "; ".join(f"another program listens on {name}" for name in held)

    def unreadable(self) -> str:
        """What Postfix says of a main.cf that kills every daemon; else empty.

        `postfix` commands without a terminal say nothing before the log is open,
        but postmap reads the same main.cf and has a stderr.
        """
        words = ("postmap", "-c", str(self.config_dir), "-q", "x", "static:y")
        done = run(*words, check=False)
        return done.err.strip() if done.code != 0 else ""

    def _unit(self) -> str | None:
        """The systemd unit to use, None where there is no systemd."""
        if not SYSTEMD.is_dir() or self.config_dir != SYSTEM:
            return None
        for unit in UNITS:
            if run("systemctl", "cat", unit, check=False).code == 0:
                return unit
        raise HostError("systemd runs here but knows no postfix unit")


def children(parent: int | None) -> Iterator[int]:
    """The processes whose parent this is."""
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stat = (directory / "stat").read_text().rpartition(")")[2].split()
            if int(stat[1]) == parent and stat[0] != "Z":
                yield int(directory.name)


def named(pid: int) -> str:
    """The service that a daemon of Postfix works for.

    master names it (`-n`) where it is not called as the program; before that stands
    what it says of its process limit (`-l` for one, `-z` for none).
    """
    try:
        told = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
    program, *words = told.split("\0")
    rest = [each for each in words if each not in ("-l", "-z")]
    return rest[1] if rest[:1] == ["-n"] else program


def alive(group: int) -> bool:
    """Whether a process of this process group still runs; zombies do not count."""
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            stat = (directory / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if int(stat[2]) == group and stat[0] != "Z":
            return True
    return False
