"""`python -m postfixconf.maillog FILE… --json`: what a mail log says, counted.

FILE may be gzipped (`.gz`) or `-` for standard input. The only module of this room
that opens files. Exit 0, or 2 with one sentence that quotes the file.
"""

import argparse
import gzip
import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from postfixconf.maillog.totals import BLOCK, Totals

STDIN = "-"


class Unreadable(Exception):
    """A file that cannot be read; the message is a sentence that quotes its name."""


def blocks(name: str) -> Iterator[bytes]:
    """The bytes of one file. Raises Unreadable."""
    try:
        with _opened(name) as file:
            while block := file.read(BLOCK):
                yield block
    except (OSError, EOFError, zlib.error) as cause:
        reason = getattr(cause, "strerror", None) or str(cause) or "cannot be read"
        raise Unreadable(f"{name!r} cannot be read: {reason}.") from cause
    except ValueError as cause:  # a NUL in the name
        raise Unreadable(f"{name!r} is no file name.") from cause


def _opened(name: str) -> BinaryIO:
    if name == STDIN:
        return open(0, "rb", closefd=False)
    if name.endswith(".gz"):
        return gzip.open(name, "rb")  # type: ignore[return-value]
    return Path(name).open("rb")


def counted(names: list[str], *, rejects_only: bool) -> Totals:
    """The counts of several files together. Raises Unreadable."""
    totals = Totals(rejects_only=rejects_only)
    for name in names:
        for block in blocks(name):
            totals.feed(block)
        totals.finish()
    return totals


def text_of(result: dict[str, Any]) -> str:
    """The counts for people."""
    rows = [("lines", result["lines"]), ("not understood", result["unknown"])]
    rows += [(name.replace("_", " "), n) for name, n in result["totals"].items()]
    lines = [f"{n:>12,}  {name}" for name, n in rows if n is not None]
    for key, counts in result["controls"].items():
        lines.append(
            f"{counts['attempts']:>12,}  {key}: {counts['reject']:,} refused, "
            f"{counts['reject_warning']:,} would have been"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Count, print, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m postfixconf.maillog", description="Count what a mail log says."
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a log, .gz, or -")
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument(
        "--rejects-only", action="store_true", help="count refusals, nothing else"
    )
    parser.add_argument(
        "--details", action="store_true", help="other kinds, and unknown lines by kind"
    )
    chosen = parser.parse_args(arguments)
    try:
        totals = counted(chosen.files, rejects_only=chosen.rejects_only)
    except Unreadable as cause:
        sys.stderr.write(f"{cause}\n")
        return 2
    result = totals.result() | (totals.details() if chosen.details else {})
    text = json.dumps(result) if chosen.json else text_of(result)
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
