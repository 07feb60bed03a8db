"""What every header shows: how many changes wait."""

from django.http import HttpRequest

from mailguard.changes import services as changes
from mailguard.servers import services as servers

__all__ = ["header"]


def header(request: HttpRequest) -> dict[str, object]:
    """The number of changes that are not applied, for somebody signed in."""
    if not request.user.is_authenticated:
        return {}
    return {"pending": changes.pending(servers.local())}
