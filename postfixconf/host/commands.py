"""The only door to other programs: a list of words, a time limit, captured output.

Output goes to a temporary file and not to a pipe: `postfix start` leaves a
daemon behind that would keep a pipe open for ever. No shell, ever.
"""

import os
import subprocess
import tempfile
from dataclasses import dataclass

from postfixconf.errors import CommandFailed

__all__ = ["Done", "run"]

# Postfix's commands live in /usr/sbin, which a plain user's PATH lacks.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LONGEST_OUTPUT = 8_000_000


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit code and what it printed."""

    code: int
    out: str
    err: str


def run(
    *words: str, timeout: float = 30.0, check: bool = True, given: str = ""
) -> Done:
    """Run one command in a session of its own and wait for it.

    `timeout` is in seconds; `given` is what it reads on its standard input.
    Raises CommandFailed when the program is missing, runs too long, or (with
    `check`) exits with anything but 0. A session of its own keeps a Postfix that we
    start alive when our process group is killed.
    """
    shown = " ".join(words)
    with (
        tempfile.TemporaryFile() as given_to,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given_to.write(given.encode("utf-8", "surrogateescape"))
        given_to.seek(0)
        try:
            done = subprocess.run(
                list(words),
                stdin=given_to,
                stdout=out,
                stderr=err,
                timeout=timeout,
                start_new_session=True,
                env={"PATH": PATH, "LC_ALL": "C", "HOME": "/root"} | mail_environment(),
                cwd="/",
                check=False,
            )
        except FileNotFoundError as cause:
            raise CommandFailed(shown, f"{words[0]} is not installed") from cause
        except subprocess.TimeoutExpired as cause:
            reason = f"did not end within {timeout:g} seconds"
            raise CommandFailed(shown, reason) from cause
        texts = []
        for stream in (out, err):
            stream.seek(0)
            raw = stream.read(LONGEST_OUTPUT)
            texts.append(raw.decode("utf-8", "surrogateescape"))
    if check and done.returncode != 0:
        said = (texts[1] or texts[0]).strip()[-2000:]
        raise CommandFailed(shown, f"exit {done.returncode}", said)
    return Done(done.returncode, *texts)


def mail_environment() -> dict[str, str]:
    """TZ alone is passed on: Postfix's log stamps follow it."""
    return {"TZ": os.environ["TZ"]} if "TZ" in os.environ else {}
