"""A PostgreSQL of a test's own, on a UNIX socket; gone afterwards."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["database"]

PROGRAMS = Path("/usr/lib/postgresql")
# Nothing of it outlives the test, so nothing has to reach the disk.
OPTIONS = "-c fsync=off -c listen_addresses='' -c shared_buffers=256MB"


@contextmanager
def database(*locale: str) -> Iterator[str]:
    """A cluster with one empty database; gives its MAILGUARD_DATABASE_URL.

    `locale` are words for initdb; without them, text is sorted by its bytes.
    """
    room = Path(tempfile.mkdtemp(prefix="mailguard-pg-", dir="/tmp"))
    shutil.chown(room, "postgres")
    try:
        made = ("-D", f"{room}/data", "-A", "trust", "--no-sync")
        command("initdb", *made, *(locale or ("-E", "UTF8", "--locale=C")))
        # What the server says must not keep a pipe of ours open.
        start = ("-D", f"{room}/data", "-l", f"{room}/log", "-w")
        command("pg_ctl", *start, "-o", f"-k {room} {OPTIONS}", "start")
        try:
            yield f"postgres://postgres@/{room}/postgres"
        finally:
            command("pg_ctl", "-D", f"{room}/data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(room)


def command(program: str, *words: str) -> None:
    """Run one of PostgreSQL's programs, which refuse to be root."""
    path = max(PROGRAMS.glob(f"*/bin/{program}"))
    subprocess.run(
        [str(path), *words],
        user="postgres",
        cwd="/",
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )
