"""`make bench`: a mail log into the database, against pflogsumm on the same file.

The log is bench.maillog's: a short one, in which starting weighs, and one as long as
there. MAILGUARD_BENCH_LOG names another file to read instead,
MAILGUARD_BENCH_INTAKE_MB the sizes, with a blank between.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import maillog

MEGABYTES = os.environ.get("MAILGUARD_BENCH_INTAKE_MB", "120 300")


def manage(home: str, *words: str) -> bytes:
    """One command of manage.py in a home of its own."""
    environment = os.environ | {"MAILGUARD_HOME": home}
    command = [sys.executable, "manage.py", *words]
    done = subprocess.run(
        command, cwd=maillog.ROOT, env=environment, check=True, capture_output=True
    )
    return done.stdout


def main() -> None:
    """One size after the other."""
    for megabytes in map(int, MEGABYTES.split()):
        measure(megabytes)


def measure(megabytes: int) -> None:
    """Measure and print."""
    maillog.SIZE = megabytes << 20
    with TemporaryDirectory() as home:
        path = Path(os.environ.get("MAILGUARD_BENCH_LOG") or f"{home}/mail.log")
        if not path.exists():
            maillog.write(path)
        os.sync()  # neither pays for writing the log to the disk
        begun = time.perf_counter()
        subprocess.run(["pflogsumm", str(path)], check=True, capture_output=True)
        theirs = time.perf_counter() - begun
        manage(home, "migrate", "-v0")
        begun = time.perf_counter()
        told = json.loads(manage(home, "ingest", str(path), "--json"))["files"][0]
        ours = time.perf_counter() - begun
    print(f"intake                       {told['lines']:>10,} lines", end="")
    print(f", {told['attempts']:,} attempts kept")
    print(f"pflogsumm, from start to end {theirs:10.2f} s")
    print(f"ingest, from start to end    {ours:10.2f} s   ", end="")
    print(f"{theirs / ours:.2f} times as fast (budget 1)")


if __name__ == "__main__":
    main()
