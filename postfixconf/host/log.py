"""What Postfix itself said while a change was made: the tail of the mail log.

This is not the traffic intake: it answers only "which new lines are faults?".
A machine that logs to the journal alone has no file to read; `Log.path` is then
None and faults are judged by the SMTP conversation only.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Log"]

USUAL = (Path("/var/log/mail.log"), Path("/var/log/maillog"))
FAULT = re.compile(
    r"(?:fatal|panic|error): .*"
    r"|warning: (?:unknown smtpd restriction|.*bad command startup"
    r"|.*Server configuration (?:error|problem)|.*throttling).*"
    r"|.*Server configuration error.*"
)
STAMPED = re.compile(r"\S*postfix\S*/(?P<program>[\w-]+)\[\d+\]: (?P<said>.*)")
TAIL = 256 * 1024


@dataclass(frozen=True)
class Log:
    """One mail log file; `path` is None where there is none to read."""

    path: Path | None

    @classmethod
    def of(cls, maillog_file: str) -> "Log":
        """The log of an instance with this `maillog_file` value (may be empty)."""
        if maillog_file:
            return cls(Path(maillog_file))
        return cls(next((path for path in USUAL if path.is_file()), None))

    def mark(self) -> int:
        """The place in the log as of now, in bytes, to read on from later."""
        try:
            return self.path.stat().st_size if self.path else 0
        except OSError:
            return 0

    def since(self, mark: int) -> list[str]:
        """The lines written after `mark`; all of them if the log was rotated."""
        if self.path is None:
            return []
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(mark if mark <= size else 0)
                return file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return []

    def faults(self, mark: int) -> list[str]:
        """What was said after `mark` that means Postfix cannot work, once each."""
        found = (fault_in(line) for line in self.since(mark))
        return list(dict.fromkeys(fault for fault in found if fault))

    def recent_faults(self) -> set[str]:
        """Faults in the last 256 kB: asked before a change, they are not its own."""
        return set(self.faults(max(0, self.mark() - TAIL)))

    def wait_for_fault(self, mark: int, seconds: float) -> list[str]:
        """`faults`, waiting up to `seconds`: Postfix logs through a daemon."""
        end = time.monotonic() + seconds
        while not (found := self.faults(mark)) and time.monotonic() < end:
            time.sleep(0.02)
        return found


def fault_in(line: str) -> str | None:
    """The fault that one log line states, without stamp and process id."""
    stamped = STAMPED.search(line)
    if stamped is None:
        return None
    said = stamped["said"]
    if not FAULT.match(said):
        return None
    return f"{stamped['program']}: {said}"
