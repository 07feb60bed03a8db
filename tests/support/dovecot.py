"""A real Dovecot of a test's own that authenticates and does nothing else.

Alice may sign in with PASSWORD. It runs in the foreground, as a child of ours.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import eventually

__all__ = ["PASSWORD", "USER", "Dovecot", "serving"]

USER, PASSWORD = "alice@practice.test", 'Kornblumen "blau" 7391'
CONFIG = """
base_dir = {room}/run
state_dir = {room}/state
log_path = {room}/log
protocols =
ssl = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {room}/users
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home=/nonexistent
}}
service auth {{
  unix_listener {socket} {{
    mode = {mode}
    user = {owner}
    group = {owner}
  }}
}}
"""


class Dovecot:
    """Where it is: its directory, and the socket for smtpd."""

    def __init__(self, room: Path, socket: Path) -> None:
        self.room, self.socket = room, socket

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self.room / "log").read_text()


@contextmanager
def serving(
    socket: Path | None = None,
    *,
    mechanisms: str = "plain login",
    mode: str = "0660",
    owner: str = "postfix",
) -> Iterator[Dovecot]:
    """Let it run, with its socket at `socket`, else in its own directory."""
    room = Path(tempfile.mkdtemp(prefix="mailguard-", dir="/tmp"))
    room.chmod(0o755)
    socket = socket or room / "auth"
    (room / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
    shutil.chown(room / "users", "dovecot", "dovecot")
    (room / "users").chmod(0o600)
    told = {"mechanisms": mechanisms, "mode": mode, "owner": owner, "socket": socket}
    config = room / "dovecot.conf"
    config.write_text(CONFIG.format(room=room, **told))
    process = subprocess.Popen(
        ["dovecot", "-F", "-c", str(config)], stdin=subprocess.DEVNULL
    )
    try:
        eventually(socket.exists, seconds=20)
        yield Dovecot(room, socket)
    finally:
        process.terminate()
        process.wait(timeout=20)
        socket.unlink(missing_ok=True)
        shutil.rmtree(room)
