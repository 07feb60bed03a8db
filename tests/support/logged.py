"""A server of which only the log is of interest, and lines for it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from mailguard.servers.models import Server

__all__ = ["configured", "line", "refusal", "refusals", "server_with"]

STAMP = "2026-11-22T11:00:00.000000+00:00 mx"


def configured(room: Path) -> Path:
    """The file in `room` to which the main.cf made there says that it logs."""
    log = room / "mail.log"
    main = room / "main.cf"
    main.write_text(f"maillog_file = {log}\n")
    earlier = time.time() - 60
    os.utime(main, (earlier, earlier))  # Postfix waits for one that was just written
    return log


def server_with(room: Path) -> tuple[Server, Path]:
    """A server with such a main.cf in the database, and its log."""
    log = configured(room)
    return Server.objects.create(name="local", config_dir=str(room)), log


def line(message: str, program: str = "postfix/smtpd", pid: int = 7) -> bytes:
    """One line of the log."""
    text = f"{STAMP} {program}[{pid}]: {message}\n"
    return text.encode("utf-8", "surrogateescape")


def refusal(number: int, verb: str = "reject") -> bytes:
    """A refusal for a short greeting; each number is another sender."""
    return line(
        f"NOQUEUE: {verb}: RCPT from mx.good.example[192.0.2.7]: 504 5.5.2 <pc7>: Helo"
        " command rejected: need fully-qualified hostname;"
        f" from=<a{number}@good.example> to=<bob@practice.test> proto=ESMTP helo=<pc7>"
    )


def refusals(count: int, start: int = 0) -> Iterator[bytes]:
    """Several of them."""
    return (refusal(number) for number in range(start, start + count))
