"""The practice server's own Dovecot: it checks passwords, and does nothing else.

Two people may sign in, whose password everybody may know: the practice server listens
on loopback alone. It logs beside Postfix. Written for Dovecot 2.3.
"""

import os
import signal
import time
from pathlib import Path

from postfixconf.errors import CommandFailed
from postfixconf.host import files
from postfixconf.host.commands import run

__all__ = ["PASSWORD", "PEOPLE", "furnish", "installed", "start", "stop"]

DOVECOT = Path("/usr/sbin/dovecot")
PEOPLE = ("alice@practice.test", "bob@practice.test")
PASSWORD = "practice"  # noqa: S105 (no secret, see above)
STOP_WITHIN = 10.0  # seconds
CONFIG = """\
base_dir = {room}/run
log_path = {log}/dovecot.log
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {room}/users
}}
userdb {{
  driver = static
  args = uid=postfix gid=postfix home=/nonexistent
}}
service auth {{
  unix_listener {spool}/private/auth {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
"""


def installed() -> bool:
    """Whether there is a Dovecot on this machine."""
    return DOVECOT.exists()


def furnish(practice: Path) -> None:
    """Its files in the room of a practice server; what is there is kept."""
    room = practice / "dovecot"
    config = room / "dovecot.conf"
    if config.exists():
        return
    room.mkdir(parents=True, exist_ok=True)
    users = "".join(f"{each}:{{PLAIN}}{PASSWORD}\n" for each in PEOPLE)
    text = CONFIG.format(room=room, log=practice / "log", spool=practice / "spool")
    for path, content in ((room / "users", users), (config, text)):
        files.replace(files.Saved(path, content.encode(), 0o644, 0, 0))


def start(practice: Path) -> None:
    """Have it run, where it is there. Raises CommandFailed.

    Postfix has to have made its queue directory: the socket is in it.
    """
    config = practice / "dovecot" / "dovecot.conf"
    if config.exists() and installed() and _pid(practice) is None:
        run(str(DOVECOT), "-c", str(config))


def stop(practice: Path) -> None:
    """Stop it, if it runs. Raises CommandFailed."""
    pid = _pid(practice)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + STOP_WITHIN
    while _pid(practice) is not None:
        if time.monotonic() > end:
            raise CommandFailed("dovecot stop", "it does not end")
        time.sleep(0.01)


def _pid(practice: Path) -> int | None:
    """The process id of its master, None where it does not run."""
    try:
        pid = int((practice / "dovecot" / "run" / "master.pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if f"{practice}/".encode() in words else None
