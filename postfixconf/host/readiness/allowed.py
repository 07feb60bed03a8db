"""What a user of this machine may do with a file or a socket."""

from grp import getgrgid
from pathlib import Path
from pwd import getpwnam

from postfixconf.errors import CommandFailed
from postfixconf.host.commands import run

__all__ = ["allowed", "group_of"]


def allowed(test: str, path: Path, user: str) -> bool:
    """Whether `test` (test(1): -r, -w) holds for a user, with all of its groups.

    smtpd has them all (initgroups(3), seen on 3.7.11). Where nobody can tell, it may.
    """
    try:
        group = getpwnam(user).pw_gid
        words = ("setpriv", f"--reuid={user}", f"--regid={group}", "--init-groups")
        return run(*words, "test", test, str(path), check=False, timeout=5).code != 1
    except (KeyError, CommandFailed):
        return True


def group_of(path: Path) -> str:
    """The name of a file's group; its number where it has none."""
    number = path.stat().st_gid
    try:
        return getgrgid(number).gr_name
    except KeyError:
        return str(number)
