"""The process behind `tests.support.killed`; run as a program with a directory."""

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Model  # noqa: E402

from mailguard.audit.services import Actor  # noqa: E402
from mailguard.servers import services as servers  # noqa: E402
from mailguard.servers.models import Server  # noqa: E402
from mailguard.traffic import intake, offers, readings  # noqa: E402
from mailguard.traffic.models import (  # noqa: E402
    Attempt,
    Correspondent,
    Daily,
    Hit,
    Hour,
    Log,
    Reading,
    Triplet,
    Usage,
)

__all__: list[str] = []

SMALL = 5000  # bytes in one transaction: many moments to be killed in
WHO = Actor(None, "test", "")
# Of these rows everything is compared but their numbers and the time of reading.
COMPARED: dict[type[Model], tuple[str, ...]] = {
    Attempt: tuple(
        each.attname
        for each in Attempt._meta.concrete_fields
        if each.attname not in ("id", "reply_id")
    ),
    Hour: ("hour", "control", "verdict", "count"),
    Daily: ("day", "what", "value", "verdict", "count"),
    Hit: ("attempt", "control", "verdict", "at", "who", "sender_key"),
    Correspondent: ("sender_key", "at"),
    Log: ("lines", "foreign", "unknown", "suppressed"),
    Reading: ("path", "state", "position", "lines", "attempts"),
    Triplet: ("key", "first_at", "last_at", "tries", "early", "clients", "passed_at"),
    Usage: ("key", "user", "port", "tls", "first_at", "last_at", "count"),
}


def follow(**_: Any) -> None:
    """Follow the log for ever."""
    while True:
        if not intake.follow(servers.local(), 0.01):
            time.sleep(0.002)


def drain(**_: Any) -> None:
    """Follow the log until there is nothing more."""
    for _turn in range(4):
        while intake.follow(servers.local(), 1):
            pass


def tend(**_: Any) -> None:
    """Carry on with what is to be read, as the worker does, until it is done."""
    server = servers.local()
    while Reading.objects.filter(server=server, state__in=Reading.OPEN).exists():
        readings.tend(server, 0.01)


def ingest(path: str, **_: Any) -> None:
    """Read a file, as the command does."""
    offered = offers.offer(servers.local(), Path(path))
    reading = offers.ask(server=servers.local(), offered=offered, actor=WHO)
    for _done in readings.read_whole(reading):
        pass


WORK: dict[str, Callable[..., None]] = {
    each.__name__: each for each in (follow, drain, tend, ingest)
}


def begun(what: str, given: dict[str, Any]) -> int:
    """A child that does it; its process id."""
    connection.close()
    child = os.fork()
    if child:
        return child
    try:
        WORK[what](**given)
        connection.close()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def kill(what: str, seconds: float, given: dict[str, Any]) -> bool:
    """Begin something, and end it with SIGKILL; whether it was not done before."""
    child = begun(what, given)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def together(what: list[str], given: dict[str, Any]) -> list[int]:
    """Several children at once; their exit codes."""
    children = [begun(each, given) for each in what]
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def want(paths: list[str]) -> bool:
    """Ask for files to be read by whoever comes."""
    server = servers.local()
    for path in paths:
        offered = offers.offer(server, Path(path))
        offers.ask(server=server, offered=offered, actor=WHO)
    return True


def forget() -> bool:
    """Empty every table: the same again from the start."""
    for model in COMPARED:
        if model is not Log:
            model._default_manager.all().delete()
    Log.objects.update(lines=0, foreign=0, unknown={}, suppressed=0)
    return True


def rows() -> dict[str, list[str]]:
    """Every row as text, sorted; a count that was taken back is no row."""
    return {
        model.__name__: sorted(
            repr(row)
            for row in model._default_manager.values_list(*names)
            if names[-1] != "count" or row[-1]
        )
        for model, names in COMPARED.items()
    }


def sums() -> dict[str, Any]:
    """What was counted, and what became of each sender's attempt."""
    attempts = Attempt.objects.values_list("sender", "outcome", "warned", "delivered")
    hours: Counter[str] = Counter()
    for verdict, number in Hour.objects.filter(control="").values_list(
        "verdict", "count"
    ):
        hours[verdict] += number
    return {
        "attempts": len(attempts),
        "by sender": {sender: rest for sender, *rest in attempts},
        "hours": hours,
        "lines": Log.objects.get().lines,
        "tries": sum(Triplet.objects.values_list("tries", flat=True)),
    }


COMMANDS: dict[str, Callable[..., Any]] = {
    each.__name__: each for each in (kill, together, want, forget, rows, sums)
}


def main(room: str) -> None:
    """Serve commands until the input ends."""
    intake.AT_ONCE = readings.AT_ONCE = readings.WHOLE = SMALL
    readings.TOGETHER = 0.01
    call_command("migrate", verbosity=0)
    if not Server.objects.exists():
        Server.objects.create(name="local", config_dir=room)
    while line := sys.stdin.readline():
        command = json.loads(line)
        answer = COMMANDS[command.pop("do")](**command)
        connection.close()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main(sys.argv[1])
