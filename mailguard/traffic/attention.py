"""What about the log needs a person's attention."""

from datetime import timedelta

from django.utils import timezone
from django.utils.timesince import timesince

from mailguard.servers.models import Server
from mailguard.traffic.intake import AHEAD
from mailguard.traffic.models import Log

__all__ = ["attention", "oddities"]

SILENT_AFTER = timedelta(days=1)
REMEMBERED = timedelta(days=1)
ENOUGH = 50  # lines without one of Postfix, to say that it is another log


def attention(server: Server) -> list[str]:
    """Sentences, the worst first; none where all is well or nothing was read yet.

    They may quote a path or what the system said: escape them.
    """
    log = Log.objects.filter(server=server).first()
    if log is None:
        return []
    now, said = timezone.now(), []
    if log.trouble:
        said.append(f"The mail log cannot be read: {log.trouble}")
    if log.suppressed_at and now - log.suppressed_at < REMEMBERED:
        said.append(
            f"The system threw away {log.suppressed:,} lines of the mail log, the last "
            f"ones {timesince(log.suppressed_at, now, depth=1)} ago: the counts here "
            "are too low. Raise the limit of journald or rsyslog."
        )
    return said + oddities(log)


def oddities(log: Log) -> list[str]:
    """What is odd about the lines that were read, in sentences."""
    now, said, last = timezone.now(), [], log.last_line_at
    if not log.trouble and last and now - last > SILENT_AFTER:
        said.append(
            "Postfix has written nothing to the mail log for "
            f"{timesince(last, now, depth=1)}: either no mail comes, or the log is "
            "somewhere else now, or a clock is wrong."
        )
    if last and last > now + AHEAD:
        said.append(
            f"The latest line of the mail log is dated {last:%Y-%m-%d %H:%M}, which is "
            "still to come: a clock is or was wrong. Mail of that time is not on the "
            "charts."
        )
    if log.lines >= ENOUGH and log.foreign == log.lines:
        said.append(
            f"Of {log.lines:,} lines read so far none is Postfix's. Is "
            f"{log.source or 'that file'} its mail log?"
        )
    return said
