"""`make bench`: Mail search and all pages among many attempts, in both databases.

MAILGUARD_BENCH_ATTEMPTS says how many, MAILGUARD_BENCH_DATABASE in which: `sqlite`,
`postgresql`, or both with a blank between. Each is a scratch one of its own; ten
million attempts take 12 GB under /tmp.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import nullcontext

from tests.support.postgres import database

COUNT = os.environ.get("MAILGUARD_BENCH_ATTEMPTS", "200000")
DATABASES = os.environ.get("MAILGUARD_BENCH_DATABASE", "sqlite postgresql")


def measure(kind: str) -> None:
    """Measure in a database of this kind; empty, the address means SQLite."""
    scratch = database() if kind == "postgresql" else nullcontext("")
    with tempfile.TemporaryDirectory(prefix="mailguard-bench-") as home, scratch as url:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "mailguard.settings",
            "MAILGUARD_BENCH_ATTEMPTS": COUNT,
            "MAILGUARD_DATABASE_URL": url,
            "MAILGUARD_HOME": home,
        }
        subprocess.run(
            [sys.executable, "-m", "bench.pages"], env=environment, check=True
        )


def main() -> None:
    """One after the other."""
    for kind in DATABASES.split():
        measure(kind)


if __name__ == "__main__":
    main()
