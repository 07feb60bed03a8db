"""What a daemon prints, as lines of a mail log: run on its own, behind a pipe.

    postgrey … 2>&1 | python -I piped_log.py LOG HOST PID_FILE

A Postfix that writes its log itself listens for nobody else: postlog(1) that reads from
a pipe loses everything once Postfix was restarted (seen on 3.7.11). So each line is
appended here, opened anew each time, since the log may be rotated. Standard library
only: it is started by its path.
"""

import os
import sys
import time
from pathlib import Path

MOST = 2000  # bytes of one line


def main(log: str, host: str, pid_file: str) -> None:
    """Copy lines until the daemon ends."""
    for line in sys.stdin.buffer:
        if said := line.rstrip(b"\r\n")[:MOST]:
            try:
                pid = int(Path(pid_file).read_text())
            except (OSError, ValueError):
                pid = 0
            stamp = time.strftime("%b %e %H:%M:%S")
            text = f"{stamp} {host} postgrey[{pid}]: ".encode() + said + b"\n"
            append(log, text)


def append(log: str, text: bytes) -> None:
    """Write one whole line; where that cannot be done, the daemon goes on."""
    try:
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError:
        return
    try:
        os.write(handle, text)
    except OSError:
        pass  # a full disk
    finally:
        os.close(handle)


if __name__ == "__main__":
    main(*sys.argv[1:])
