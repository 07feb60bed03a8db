"""Starting a practice server at once: master itself, and what it finds then.

`postfix start` runs a hundred commands before it: they look for mistakes of an
installation and make the directories of the queue. A test that wants a server of its
own, and nothing of how it was started, waits for none of them. What daemons get is the
same: the queue, their environment, and the log with the line before its first one.

What this does not handle: a server that has run before, and one with mistakes.
"""

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from postfixconf.host import practice
from postfixconf.host.commands import run
from postfixconf.host.instance import Instance

__all__ = ["start"]

TAG = "multi_instance_name"
NAMES = ("daemon_directory", "queue_directory", TAG)
FIRST = "starting the Postfix mail system"


@cache
def queue() -> tuple[tuple[str, os.stat_result], ...]:
    """The directories of a queue, as Postfix makes them, outer ones first."""
    with TemporaryDirectory(prefix="mailguard-", dir="/tmp") as name:
        room = Path(name)
        room.chmod(0o755)
        instance = practice.create(room / "practice", 2525)
        run("postfix", "-c", str(instance.config_dir), "check")
        spool = instance.queue_directory
        made = sorted(path for path in spool.rglob("*") if path.is_dir())
        return tuple((str(path.relative_to(spool)), path.stat()) for path in made)


def start(instance: Instance) -> None:
    """Start a practice server that never ran; returns when master listens."""
    values = instance.values(*NAMES)
    spool = Path(values["queue_directory"])
    for name, made in queue():
        (spool / name).mkdir(exist_ok=True)
        os.chown(spool / name, made.st_uid, made.st_gid)
        (spool / name).chmod(made.st_mode & 0o7777)
    config = str(instance.config_dir)
    script = f"{values[TAG]}/postfix-script"
    run("postlog", "-c", config, "-t", script, "-p", "info", FIRST)
    run(f"{values['daemon_directory']}/master", "-w", "-c", config)
