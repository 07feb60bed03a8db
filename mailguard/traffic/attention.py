"""What about the log needs a person's attention."""

from datetime import timedelta

from django.utils import timezone
from django.utils.timesince import timesince

from mailguard.servers.models import Server
from mailguard.traffic.models import Log

__all__ = ["attention"]

SILENT_AFTER = timedelta(days=1)
REMEMBERED = timedelta(days=1)


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
    if not log.trouble and log.last_line_at and now - log.last_line_at > SILENT_AFTER:
        said.append(
            "Postfix has written nothing to the mail log for "
            f"{timesince(log.last_line_at, now, depth=1)}: either no mail comes, or "
            "the log is somewhere else now."
        )
    return said
