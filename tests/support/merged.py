"""An attempt as merging leaves it, said at once."""

from datetime import datetime

from postfixconf.maillog.attempt import Attempt
from postfixconf.maillog.records import Client

__all__ = ["merged"]


def merged(
    at: datetime, client: Client, key: tuple[str | None, ...] = ("k",), **told: object
) -> Attempt:
    """One of smtpd's with these fields."""
    made = Attempt(key, at, "mx", "postfix/smtpd", client=client)
    for name, value in told.items():
        setattr(made, name, value)
    return made
