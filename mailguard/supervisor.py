"""All processes of `manage.py up` under one supervisor, and what they need.

Standard output gets one line, when everything answers; the processes' own words
go to standard error and to var/log/mailguard.log. A process that ends is
started again after a second, so one that is killed is back at once.
"""

import fcntl
import shlex
import shutil
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from django.conf import settings
from honcho.manager import Manager
from honcho.printer import Printer

from mailguard.servers.models import Server
from mailguard.servers.services import config_dir
from postfixconf.errors import PostfixconfError
from postfixconf.host import postgrey, practice, practice_dovecot
from postfixconf.host.commands import PATH
from postfixconf.host.commands import run as command
from postfixconf.host.instance import Instance

__all__ = ["Missing", "alone", "check_machine", "check_same_server", "run"]

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


class Missing(Exception):
    """What this machine lacks, as one sentence."""


@contextmanager
def alone() -> Iterator[None]:
    """Hold MAILGUARD_HOME; Missing where another mailguard runs there."""
    room = Path(settings.HOME) / "run"
    room.mkdir(parents=True, exist_ok=True)
    with (room / "up.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Missing(
                f"another mailguard already runs in {settings.HOME}"
            ) from None
        yield


def check_machine() -> None:
    """Missing, with one sentence, where this machine cannot run mailguard."""
    host, _, port = settings.BIND.rpartition(":")
    if not port.isdigit() or not host:
        raise Missing(f"MAILGUARD_BIND={settings.BIND!r} is not host:port")
    for program in ("postfix", "redis-server"):
        if shutil.which(program, path=PATH) is None:
            raise Missing(f"{program} is not installed (apt-get install {program})")
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            free.bind((host, int(port)))
        except OSError as cause:
            raise Missing(
                f"{settings.BIND} cannot be used ({cause.strerror}); "
                "choose another with MAILGUARD_BIND=host:port"
            ) from None
    if settings.CONFIG_DIR and not (config_dir() / "main.cf").is_file():
        raise Missing(f"there is no main.cf in {config_dir()}")
    if not settings.CONFIG_DIR:
        check_open(Path(settings.HOME))


def check_same_server(server: Server) -> None:
    """Missing where this home looks after another server than the one asked for."""
    if server.config_dir != str(config_dir()):
        raise Missing(
            f"{settings.HOME} looks after {server.config_dir}, not {config_dir()}; "
            "give each server a home of its own with MAILGUARD_HOME"
        )


def check_open(directory: Path) -> None:
    """Missing where user postfix cannot get to `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    become = ("setpriv", "--reuid=postfix", "--regid=postfix", "--clear-groups")
    if command(*become, "test", "-x", str(directory), check=False).code != 0:
        raise Missing(
            f"user postfix cannot enter {directory}: every directory above it needs "
            "the x permission for others (chmod o+x), or set MAILGUARD_HOME"
        )


def run(credentials: str) -> None:
    """Run everything until INT or TERM, then stop all of it."""
    own = None if settings.CONFIG_DIR else start_practice()
    log = Path(settings.HOME) / "log" / "mailguard.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("a") as file:
        manager = Manager(Printer(Tee(sys.stderr, file)))
        for name, words in processes().items():
            manager.add_process(name, KEEP.format(command=shlex.join(words)))
        line = f"mailguard: http://{settings.BIND}/  {credentials}"
        threading.Thread(target=announce, args=(line,), daemon=True).start()
        try:
            manager.loop()
        finally:
            if own is not None:
                own.stop()
                if greylisting := postgrey.find(own):
                    greylisting.stop()
                practice_dovecot.stop(own.config_dir.parent)


def start_practice() -> Instance:
    """The practice server, running. Missing, with the reason, where it will not."""
    try:
        server = practice.create(Path(settings.HOME) / "practice", PRACTICE_PORT)
        if server.master_pid() is None:
            server.start()
        practice_dovecot.start(server.config_dir.parent)
        resume(server)
    except PostfixconfError as cause:
        raise Missing(f"the practice server does not start: {cause}") from cause
    return server


def resume(server: Instance) -> None:
    """Have the practice server's postgrey run again where its Postfix asks it."""
    found = postgrey.find(server)
    if found is not None and CHECK in server.main().text:
        with suppress(PostfixconfError):  # mail flows without it, and the page tells
            found.start()


def processes() -> dict[str, list[str]]:
    """The words of each process, by the name shown before its output."""
    room = settings.BROKER_SOCKET.parent
    room.mkdir(parents=True, exist_ok=True)
    python, manage = sys.executable, str(settings.ROOT / "manage.py")
    broker = f"redis-server --port 0 --unixsocketperm 700 --save '' --dir {room}"
    web = (
        "gunicorn mailguard.wsgi --worker-class gthread --threads 4 --no-control-socket"
    )
    words = {
        "worker": [python, manage, "worker"],
        "beat": [python, "-m", "celery", "-q", "-A", "mailguard", "beat", "-lWARNING"],
        "web": [python, "-m", *shlex.split(web), "--bind", settings.BIND],
    }
    if settings.CELERY_BROKER_URL.startswith("redis+socket://"):
        words["broker"] = [*shlex.split(broker), "--unixsocket"]
        words["broker"].append(str(settings.BROKER_SOCKET))
    return words


def announce(line: str) -> None:
    """Print the one line once everything answers."""
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://{settings.BIND}/readyz", timeout=5):
                print(line, flush=True)  # noqa: T201 — the contract of `make run`
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
