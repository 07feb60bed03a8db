"""Every process of `manage.py up` under one supervisor, and the practice server.

Standard output gets one line, when everything answers; the processes' own words
go to standard error and to var/log/mailguard.log. A process that ends is
started again after a second, so one that is killed is back at once.

The command prepares with Django and then becomes this program, which loads none of it:
honcho forks a child for each process, and each would keep all of that in memory.
"""

import json
import os
import shlex
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn, TextIO

from honcho.manager import Manager
from honcho.printer import Printer

from postfixconf.errors import PostfixconfError
from postfixconf.host import postgrey, practice, practice_dovecot
from postfixconf.host.instance import Instance

__all__ = ["Site", "become", "resume", "run"]

PRACTICE_PORT = 2525
CHECK = "check_policy_service"
READY_WITHIN = 120.0  # seconds
# A shell that starts one command again when it ends, and ends it when told to. The
# command has a session of its own: killing its process group leaves the shell, so
# it is started again, and a shell that is killed takes its command with it.
KEEP = (
    "trap 'kill -TERM $child 2>/dev/null; wait $child; exit 0' TERM INT; "
    "while :; do setsid setpriv --pdeathsig TERM {command} & "
    "child=$!; wait $child; sleep 1; done"
)


@dataclass(frozen=True)
class Site:
    """What is to run.

    `home` is MAILGUARD_HOME, `practises` whether the practice server under it runs
    too, `processes` are the words of each by the name shown before its output,
    `address` is the host:port of the pages and `line` what is printed once they answer.
    """

    home: str
    practises: bool
    processes: dict[str, list[str]]
    address: str
    line: str


def become(site: Site) -> NoReturn:
    """Go on as the supervisor of a site, in this process.

    It reads the site on standard input, since everybody may read the words of a
    command, and `line` has a password in it.
    """
    reads, writes = os.pipe()
    os.write(writes, json.dumps(asdict(site)).encode())
    os.close(writes)
    os.dup2(reads, 0)
    os.chdir(Path(__file__).parents[1])  # where the processes find this package
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", __name__])  # noqa: S606


def run(site: Site) -> None:
    """Run everything until INT or TERM, then stop all of it.

    Raises PostfixconfError where the practice server does not start.
    """
    own = start_practice(Path(site.home)) if site.practises else None
    log = Path(site.home) / "log" / "mailguard.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("a") as file:
        manager = Manager(Printer(Tee(sys.stderr, file)))
        for name, words in site.processes.items():
            manager.add_process(name, KEEP.format(command=shlex.join(words)))
        threading.Thread(target=announce, args=(site,), daemon=True).start()
        try:
            manager.loop()
        finally:
            if own is not None:
                own.stop()
                if greylisting := postgrey.find(own):
                    greylisting.stop()
                practice_dovecot.stop(own.config_dir.parent)


def start_practice(home: Path) -> Instance:
    """The practice server, running. Raises PostfixconfError where it will not."""
    server = practice.create(home / "practice", PRACTICE_PORT)
    if server.master_pid() is None:
        server.start()
    practice_dovecot.start(server.config_dir.parent)
    resume(server)
    return server


def resume(server: Instance) -> None:
    """Have the practice server's postgrey run again where its Postfix asks it."""
    found = postgrey.find(server)
    if found is not None and CHECK in server.main().text:
        with suppress(PostfixconfError):  # mail flows without it, and the page tells
            found.start()


def announce(site: Site) -> None:
    """Print the one line once everything answers."""
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://{site.address}/readyz", timeout=5):
                print(site.line, flush=True)  # noqa: T201 — the contract of `make run`
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    sys.stderr.write("mailguard: not everything answers; see var/log/mailguard.log\n")


class Tee:
    """Two places to write to."""

    def __init__(self, *places: TextIO) -> None:
        self._places = places

    def write(self, text: str) -> None:
        """Write to both, at once."""
        for place in self._places:
            place.write(text)
            place.flush()

    def flush(self) -> None:
        """Nothing is kept back."""

    def isatty(self) -> bool:
        """Whether colours may be used."""
        return False


if __name__ == "__main__":
    try:
        run(Site(**json.load(sys.stdin)))
    except PostfixconfError as cause:
        sys.stderr.write(f"mailguard: the practice server does not start: {cause}\n")
        sys.exit(2)
