"""What mailguard needs of the machine that it starts on, and what it runs there."""

import fcntl
import os
import shlex
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from mailguard.servers.models import Server
from mailguard.servers.services import config_dir
from postfixconf.host.commands import PATH
from postfixconf.host.commands import run as command

__all__ = ["Missing", "alone", "check", "check_same_server", "processes"]


class Missing(Exception):
    """What this machine lacks, as one sentence."""


@contextmanager
def alone() -> Iterator[None]:
    """Hold MAILGUARD_HOME; Missing where another mailguard runs there.

    A program that this process becomes still holds it.
    """
    room = Path(settings.HOME) / "run"
    room.mkdir(parents=True, exist_ok=True)
    with (room / "up.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Missing(
                f"another mailguard already runs in {settings.HOME}"
            ) from None
        os.set_inheritable(file.fileno(), True)
        yield


def check() -> None:
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
