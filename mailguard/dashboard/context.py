"""What every header shows: how many changes wait, and whether postgrey is down."""

from django.http import HttpRequest

from mailguard.changes import services as changes
from mailguard.greylisting import services as greylisting
from mailguard.servers import services as servers

__all__ = ["header"]


def header(request: HttpRequest) -> dict[str, object]:
    """The number of changes that are not applied, and postgrey where it is down."""
    if not request.user.is_authenticated:
        return {}
    server = servers.local()
    return {
        "pending": changes.pending(server),
        "postgrey_down": greylisting.down(server),
    }
