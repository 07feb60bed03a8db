"""What an attempt holds, and how a line of the log adds to it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from postfixconf.maillog.records import Client, Delivery, Verdict

__all__ = ["Attempt", "Key", "Outcome", "with_line"]

Key = tuple[str | int | None, ...]
REFUSALS = ("reject", "milter-reject", "proxy-reject")


class Outcome(StrEnum):
    """What became of an attempt; `undecided` where the log ends before."""

    REFUSED = "refused"
    PUT_OFF = "put off"
    ACCEPTED = "accepted"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Attempt:
    """One RCPT. `control` is the key of the refusal, `warned` would have refused.

    `command` is the command that was answered; `noted` are the keys of table
    actions that let the message pass (info, warn, hold, …).
    """

    key: Key
    at: datetime | None
    host: str
    service: str
    pid: int | None = None
    client: Client | None = None
    helo: str | None = None
    sender: str | None = None
    recipient: str | None = None
    outcome: Outcome = Outcome.UNDECIDED
    command: str = "RCPT"
    code: int | None = None
    status: str | None = None
    text: str = ""
    control: str | None = None
    warned: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()
    queue_id: str | None = None
    sasl_username: str | None = None
    message_id: str | None = None
    delivery: Delivery | None = None
    last: datetime | None = None


def with_line(
    attempt: Attempt, record: Verdict, key: str, at: datetime | None
) -> Attempt:
    """The attempt with one line more."""
    attempt = replace(
        attempt,
        last=at,
        helo=record.helo if attempt.helo is None else attempt.helo,
        queue_id=record.queue_id or attempt.queue_id,
        sasl_username=record.sasl_username or attempt.sasl_username,
    )
    if record.verb == "reject_warning":
        return replace(attempt, warned=_added(attempt.warned, key))
    if record.verb not in REFUSALS:
        return replace(attempt, noted=_added(attempt.noted, key))
    put_off = (record.code or 0) // 100 == 4
    return replace(
        attempt,
        outcome=Outcome.PUT_OFF if put_off else Outcome.REFUSED,
        command=record.command,
        code=record.code,
        status=record.status,
        text=record.text,
        control=key,
    )


def _added(keys: tuple[str, ...], key: str) -> tuple[str, ...]:
    return keys if key in keys else (*keys, key)
