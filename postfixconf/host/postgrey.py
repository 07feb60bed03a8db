"""The postgrey of a Postfix: where it is, its state, start, stop, and a real question.

An installation's own ways are found, not assumed: the options file of Debian or of Red
Hat, a port or a socket. A practice server has one of its own beside its `etc`. Under
systemd it is started by systemctl; everywhere else in a session of its own. Where
Postfix writes its log itself (`maillog_file`), no syslog daemon may be there, so what
postgrey says is handed to Postfix's log too.

    postgrey = find(instance)
    postgrey.start()          # returns once it answers
    postgrey.ask()            # seconds it took

What this does not handle: postgrey on another machine, and several on this one.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from shutil import which

from postfixconf.errors import BadFile, CommandFailed, HostError, Unproven
from postfixconf.host import files, piped_log
from postfixconf.host.commands import PATH, run
from postfixconf.host.delegation import TIMEOUT, ask, question
from postfixconf.host.instance import SYSTEMD, Instance
from postfixconf.policy.greylisting import address
from postfixconf.policy.needs import options_of

__all__ = ["Postgrey", "State", "find", "version"]

UNIT = "postgrey.service"
SYSTEM = ("etc/default/postgrey", "etc/sysconfig/postgrey")
PID_FILES = ("run/postgrey.pid", "run/postgrey/postgrey.pid")
WITHIN = 10.0  # seconds to start, or to end
PID_WITHIN = 3.0  # seconds until its pid file is there, once it was started
# A session of its own with postgrey and, at the other end of a pipe, what hands its
# lines to Postfix's log. Nothing is put into the script: all that differs is arguments.
SCRIPT = """
python=$1 piped_log=$2 log=$3 host=$4 pid=$5
shift 5
{
    sh -c 'echo $$ >"$0" && exec "$@"' "$pid" "$@" 2>&1 </dev/null |
        "$python" -IS "$piped_log" "$log" "$host" "$pid"
} >/dev/null 2>&1 &
"""


@dataclass(frozen=True)
class State:
    """Whether it runs, since when (seconds since 1970), and whether it is halted.

    `halted` is a process that somebody stopped with a signal: it is there, and mute.
    """

    pid: int | None
    since: float | None = None
    halted: bool = False

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self.pid is not None


@dataclass(frozen=True)
class Postgrey:
    """The postgrey whose options stand in `options`, asked by `instance`.

    `room` is where a practice server keeps its own, None for the machine's. Methods
    raise HostError where the machine refuses, BadFile for options that cannot be
    understood.
    """

    options: Path
    instance: Instance
    room: Path | None = None
    root: Path = Path("/")

    def saved(self) -> files.Saved:
        """Its options file; empty where there is none yet."""
        if not self.options.exists():
            return files.Saved(self.options, b"", 0o644, 0, 0)
        return files.read(self.options)

    @property
    def service(self) -> str:
        """How Postfix reaches it, `inet:127.0.0.1:10023`; "" where nothing says."""
        options = options_of(self.saved().text, str(self.options))
        return address(options, str(self.instance.queue_directory))

    @property
    def unit(self) -> str | None:
        """The systemd unit to use, None where there is none."""
        if self.room is not None or not SYSTEMD.is_dir():
            return None
        known = run("systemctl", "cat", UNIT, check=False).code == 0
        return UNIT if known else None

    def state(self) -> State:
        """Whether it runs."""
        pid = self._pid()
        if pid is None:
            return State(None)
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
            booted = time.time() - float(Path("/proc/uptime").read_text().split()[0])
        except OSError:
            return State(None)
        if fields[0] in "ZX":
            return State(None)
        ticks = os.sysconf("SC_CLK_TCK")
        return State(pid, booted + int(fields[19]) / ticks, fields[0] in "Tt")

    def start(self) -> None:
        """Start it, at the next start of the machine too; returns once it answers."""
        mark = self.instance.log.mark()
        unit = self.unit
        if unit is not None:
            run("systemctl", "enable", unit, check=False)
            run("systemctl", "start", unit, timeout=60)
        elif not self.state().running:
            self._start_alone()
        end = time.monotonic() + WITHIN
        while True:
            try:
                self.ask()
                return
            except Unproven as cause:
                gone = unit is None and not self.state().running
                if gone or time.monotonic() > end:
                    said = self._said(mark, unit)
                    raise CommandFailed("postgrey", "does not start", said) from cause
                time.sleep(0.02)

    def stop(self) -> None:
        """Stop it, if it runs; returns once it has ended."""
        if (unit := self.unit) is not None:
            run("systemctl", "stop", unit, timeout=60)
            return
        pid, end = self._pid(), time.monotonic() + WITHIN
        if pid is None:
            return
        for number in (signal.SIGTERM, signal.SIGCONT):  # halted, it hears nothing
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        while self.state().running:
            if time.monotonic() > end:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                end += WITHIN
            time.sleep(0.01)

    def restart(self) -> None:
        """Have it read its options anew; returns once it answers."""
        if (unit := self.unit) is not None:
            run("systemctl", "restart", unit, timeout=60)
        else:
            self.stop()
        self.start()

    def ask(self, timeout: float = TIMEOUT) -> float:
        """Ask it what it makes of a message of our own; the seconds it took.

        Raises Unproven where it does not answer within `timeout` seconds.
        """
        begun = time.monotonic()
        ask(self.service, question(), timeout, self.instance.queue_directory)
        return time.monotonic() - begun

    def _start_alone(self) -> None:
        """As a process of its own; returns once its pid file is there, if it comes."""
        self._launch()
        end = time.monotonic() + PID_WITHIN
        while not self.state().running and time.monotonic() < end:
            time.sleep(0.01)

    def _launch(self) -> None:
        """In a session of its own; it writes its pid file a moment later."""
        options = options_of(self.saved().text, str(self.options))
        pid = str(self._pid_files()[0])
        Path(pid).unlink(missing_ok=True)  # with an old one it does not start
        if not self.instance.maillog_file:
            words = [*options.arguments(), "--daemonize", f"--pidfile={pid}"]
            run("postgrey", *words, timeout=WITHIN)
            return
        for name in ("daemonize", "pidfile"):  # its pid file is ours
            options = options.without(name)
        host = self.instance.values("myhostname")["myhostname"].partition(".")[0]
        log = self.instance.maillog_file
        hands = (sys.executable, piped_log.__file__, log, host, pid)
        run("sh", "-c", SCRIPT, "sh", *hands, "postgrey", *options.arguments())

    def _pid(self) -> int | None:
        """The process id of the daemon."""
        if (unit := self.unit) is not None:
            shown = run("systemctl", "show", "--value", "-p", "MainPID", unit)
            return int(shown.out.strip() or 0) or None
        for path in self._pid_files():
            with suppress(OSError, ValueError):
                pid = int(path.read_text())
                if b"postgrey" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        return None

    def _pid_files(self) -> list[Path]:
        """Where its process id may stand, the likeliest first."""
        if self.room is not None:
            return [self.room / "pid"]
        given = None
        with suppress(BadFile):
            given = options_of(self.saved().text, str(self.options)).get("pidfile")
        usual = [self.root / each for each in PID_FILES]
        return [Path(given), *usual] if given else usual

    def _said(self, mark: int, unit: str | None) -> str:
        """Its own words on why it does not start."""
        if unit is not None:
            words = ("-u", unit, "-n", "5", "-o", "cat", "--no-pager")
            return run("journalctl", *words, check=False).out.strip()
        time.sleep(0.2)  # Postfix logs through a daemon
        lines = [x for x in self.instance.log.since(mark) if " postgrey[" in x]
        return "; ".join(each.partition("]: ")[2] for each in lines[-3:])


def find(instance: Instance, root: Path = Path("/")) -> Postgrey | None:
    """The postgrey that a Postfix can ask here; None where none is installed.

    `root` is where the machine's own files are.
    """
    room = instance.config_dir.parent / "postgrey"
    if (room / "options").exists():
        return Postgrey(room / "options", instance, room)
    if not instance.config_dir.is_relative_to(root / "etc") or not installed():
        return None
    paths = [root / each for each in SYSTEM]
    there = [path for path in paths if path.exists()]
    homes = [path for path in paths if path.parent.is_dir()]
    return Postgrey((there or homes or paths)[0], instance, root=root)


def installed() -> bool:
    """Whether the program is here."""
    return which("postgrey", path=PATH) is not None


def version() -> str:
    """Which postgrey is installed, "" for none."""
    path = which("postgrey", path=PATH)
    return _version(path, Path(path).stat().st_mtime_ns) if path else ""


@lru_cache(maxsize=2)
def _version(path: str, changed: int) -> str:
    del changed
    try:
        return run(path, "--version").out.strip().removeprefix("postgrey ")
    except HostError:
        return ""
