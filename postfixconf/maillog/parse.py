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
from postfixconf.maillog.words import DECISIONS, PARTING, kind_of, word_of

__all__ = ["Reader", "read", "reader_of", "record_of", "without_reader"]

Reader = Callable[[str], Record | None]

VERDICTS: dict[str, Reader] = dict.fromkeys(DECISIONS, read_verdict)
DELIVERY: dict[str, Reader] = {"to": messages.delivery}
CLEANUP: dict[str, Reader] = {
    "message-id": messages.message_id,
    "resent-message-id": messages.message_id,
    **dict.fromkeys(messages.CHECK_VERBS, messages.check),
}
QMGR: dict[str, Reader] = {
    "from": messages.queued,
    "removed": messages.removed,
    **DELIVERY,
}
# What a message says is told by its daemon and its first word (`words`).
READERS: dict[str, dict[str, Reader]] = {
    "smtpd": {
        "client": messages.accepted,
        "warning": messages.sasl,
        **dict.fromkeys(PARTING, messages.session),
        **dict.fromkeys(messages.CERTIFICATES, messages.secured),
        **VERDICTS,
    },
    "postscreen": VERDICTS,
    "cleanup": CLEANUP,
    "qmgr": QMGR,
    "oqmgr": QMGR,
    "pickup": {"uid": messages.picked_up, "sender": messages.picked_up},
    "postgrey": {"action": messages.greylisted},
}


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
    word = word_of(line.message)
    reader = reader_of(line.program, word)
    record = reader(line.message) if reader else None
    return without_reader(line.program, word) if record is None else record


def reader_of(program: str, word: str) -> Reader | None:
    """What reads the messages of a program that begin with a word."""
    *services, daemon = program.split("/")
    ours = PROBES in services or not (daemon == "postgrey" or is_postfix(program))
    return None if ours else READERS.get(daemon, DELIVERY).get(word)


def without_reader(program: str, word: str) -> Record:
    """What a message is that no reader reads."""
    *services, daemon = program.split("/")
    if daemon == "postgrey":
        return Known("postgrey")
    if not is_postfix(program):
        return Foreign()
    if PROBES in services:
        return Probe()
    kind, known = kind_of(program, word)
    return Known(kind) if known else Unknown(kind)
