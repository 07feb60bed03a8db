"""A log line as a record: the one door for whoever reads logs line by line.

    read(b"Nov  2 08:01:02 mx postfix/qmgr[7]: 4F1A2B3C4D: removed", clock).record

Every line gets one: what is not Postfix's or postgrey's is `Foreign`, what our own
probe service logs is `Probe`, what Postfix is known to write but says nothing of a
message is `Known`, the rest is `Unknown` with its program and first word. Nothing
is guessed and nothing raises. `kind_of` answers the same question, known or not,
for whoever counts whole blocks.
"""

from collections.abc import Callable

from postfixconf.maillog import messages
from postfixconf.maillog.clock import Clock
from postfixconf.maillog.lines import PROBES, Line, is_postfix, split
from postfixconf.maillog.records import Foreign, Known, Probe, Record, Seen, Unknown
from postfixconf.maillog.verdicts import read_verdict
from postfixconf.maillog.words import kind_of, word_of

__all__ = ["read", "record_of"]

Reader = Callable[[str], Record | None]

CLEANUP: tuple[Reader, ...] = (messages.message_id, messages.check)
READERS: dict[str, tuple[Reader, ...]] = {
    "smtpd": (messages.accepted, read_verdict, messages.session, messages.sasl),
    "postscreen": (read_verdict,),
    "cleanup": CLEANUP,
    "qmgr": (messages.queued, messages.removed, messages.delivery),
    "oqmgr": (messages.queued, messages.removed, messages.delivery),
    "pickup": (messages.picked_up,),
}
DEFAULT: tuple[Reader, ...] = (messages.delivery,)


def read(line: bytes, clock: Clock) -> Seen:
    """The record of one line, with or without its end."""
    parts = split(line)
    if parts is None:
        return Seen(Foreign())
    return Seen(
        record_of(parts),
        clock.read(parts.stamp),
        parts.host,
        parts.program,
        parts.pid,
        parts.times,
    )


def record_of(line: Line) -> Record:
    """What a line says."""
    if line.daemon == "postgrey":
        return messages.greylisted(line.message) or Known("postgrey")
    if not is_postfix(line.program):
        return Foreign()
    if PROBES in line.program.split("/")[:-1]:
        return Probe()
    for reader in READERS.get(line.daemon, DEFAULT):
        if (record := reader(line.message)) is not None:
            return record
    kind, known = kind_of(line.program, word_of(line.message))
    return Known(kind) if known else Unknown(kind)
