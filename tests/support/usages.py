"""Who sends, in the database as the log would have told of it."""

from itertools import count

from django.utils import timezone

from mailguard.servers import services as servers
from mailguard.traffic.keys import key_of
from mailguard.traffic.models import Usage
from mailguard.traffic.times import microseconds

__all__ = ["sent"]

NUMBERS = count(1)


def sent(
    user: str = "",
    port: str = "25",
    *,
    address: str = "198.51.100.7",
    name: str = "dsl7.isp.example",
    tls: str = "TLSv1.3",
    ago: float = 60,
    times: int = 1,
) -> Usage:
    """Somebody sent so often, `ago` seconds ago for the last time."""
    at = microseconds(timezone.now()) - int(ago * 1_000_000)
    return Usage.objects.create(
        server=servers.local(),
        key=key_of("test", next(NUMBERS)),
        who=key_of(user) if user else key_of("device", address),
        port=port,
        user=user,
        client_address=address,
        client_name=name,
        tls=tls,
        first_at=at,
        last_at=at,
        count=times,
    )
