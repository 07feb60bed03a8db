"""Where the mail log of an instance is to be found."""

from pathlib import Path

from postfixconf.host.log import USUAL
from postfixconf.host.logs.files import FileLog
from postfixconf.host.logs.journal import JournalLog

__all__ = ["source_of"]


def source_of(maillog_file: str) -> FileLog | JournalLog:
    """The log of an instance with this `maillog_file` value (may be empty).

    Without one: the usual file of a syslog daemon, or the journal. A file that a
    syslog daemon wrote before it was removed is taken for the log.
    """
    if maillog_file:
        return FileLog(Path(maillog_file))
    usual = next((path for path in USUAL if path.is_file()), None)
    return FileLog(usual) if usual else JournalLog()
