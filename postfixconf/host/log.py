"""What Postfix itself said while a change was made: the tail of the mail log.

This is not the traffic intake. Two questions are answered: which new lines mean
that Postfix cannot work (alarms), and which explain a failure that is known
already (remarks). Lines with text that a stranger chose are neither: whoever
connects could otherwise undo a change. A machine that logs to the journal alone
has no file to read; `Log.path` is then None, and the SMTP conversation judges.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Log", "alarms", "remarks"]

USUAL = (Path("/var/log/mail.log"), Path("/var/log/maillog"))
# The daemons that a message needs; a sendmail(1) or pipe(8) that fails is no alarm.
DAEMONS = frozenset(
    {"anvil", "cleanup", "master", "proxymap", "qmgr", "smtpd", "tlsmgr"}
    | {"trivial-rewrite"}
)
STAMPED = re.compile(r"\S*postfix\S*/(?P<program>[\w-]+)\[\d+\]: (?P<said>.*)")
ALARM = re.compile(r"(?:fatal|panic): |warning: \S+: bad command startup -- throttling")
REMARK = re.compile(
    r"(?:fatal|panic|error): |warning: (?:unknown smtpd restriction|\S+: bad command)"
    r"|warning: problem talking to server "
)
TAIL = 256 * 1024  # bytes looked at for alarms that were there before


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

    def alarms(self, mark: int, known: frozenset[str] = frozenset()) -> list[str]:
        """What daemons said after `mark` that means they cannot work, once each."""
        return [each for each in alarms(self.since(mark)) if each not in known]

    def recent_alarms(self) -> frozenset[str]:
        """Alarms in the last 256 kB: asked before a change, they are not its own."""
        return frozenset(self.alarms(max(0, self.mark() - TAIL)))

    def remarks(self, mark: int) -> list[str]:
        """What explains a failure after `mark`, once each."""
        return remarks(self.since(mark))

    def wait_for_remarks(self, mark: int, seconds: float) -> list[str]:
        """`remarks`, waiting up to `seconds`: Postfix logs through a daemon."""
        end = time.monotonic() + seconds
        while not (found := self.remarks(mark)) and time.monotonic() < end:
            time.sleep(0.02)
        return found


def alarms(lines: Iterable[str]) -> list[str]:
    """What daemons said in these lines that means they cannot work, once each."""
    found = said(lines, ALARM)
    return list(dict.fromkeys(text for program, text in found if program in DAEMONS))


def remarks(lines: Iterable[str]) -> list[str]:
    """What explains a failure in these lines, once each."""
    return list(dict.fromkeys(text for _, text in said(lines, REMARK)))


def said(lines: Iterable[str], wanted: re.Pattern[str]) -> list[tuple[str, str]]:
    """(program, what it said) of the wanted lines, without stamp and pid."""
    stamped = (STAMPED.search(line) for line in lines)
    return [
        (match["program"], f"{match['program']}: {match['said']}")
        for match in stamped
        if match and wanted.match(match["said"])
    ]
