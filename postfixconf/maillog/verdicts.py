"""What smtpd and postscreen decided: reading `reject:` and its relatives.

smtpd writes these lines in one place (log_whatsup in smtpd_check.c):

    QUEUEID|NOQUEUE: VERB: COMMAND from name[address]: TEXT; from=<S> to=<R>
    proto=P helo=<H>

with TEXT `CODE STATUS <subject>: reason`; 3.10 adds sasl fields at the end,
postscreen puts commas between the fields. Verb, command, client, code and status
stand before anything a stranger wrote, so they are read from left to right, and stay
right whatever he wrote. The rest is read at once where it holds no `<` or `>` of his,
and by `imitation` otherwise.
"""

import re

from postfixconf.maillog.imitation import PROTO, SASL, read_body
from postfixconf.maillog.lines import QUEUE_ID
from postfixconf.maillog.records import Check, Client, Verdict

__all__ = ["FAST", "VERBS", "read_verdict", "verdict_of"]

VERBS = (
    r"(?:(?:milter-|proxy-)?(?:reject_warning|reject|hold|discard|accept)"
    r"|warn|info|filter|redirect|bcc|prepend|permit|delay)"
)
CLIENT = r"([^ \[\]]*)\[([^ \]]*)\](?::([0-9]+|unknown))?"
START = rf"(?:({QUEUE_ID}): )?({VERBS}): ([A-Z-]+)(?: from {CLIENT})?: "
STATUS = r"(?:([0-9]{3}) )?(?:([245]\.[0-9]{1,3}\.[0-9]{1,3}) )?"

# A line on which no stranger wrote `<` or `>` can be read in one way only.
FAST = re.compile(
    rf"{START}{STATUS}((?:<([^<>]*)>: )?([^<>]*));"
    rf"(?: from=<([^<>]*)>)?(?:,? to=<([^<>]*)>)?{PROTO}(?:,? helo=<([^<>]*)>)?"
    rf"{SASL} ?",
    re.ASCII,
)
# Of these the usual ones, found at once: a refusal with its whole envelope.
USUAL = re.compile(
    rf"(?:({QUEUE_ID}): )?(reject_warning|reject): ([A-Z-]+) from"
    r" ([^ \[\]]*)\[([^ \]]*)\](?::([0-9]+))?:"
    r" ([0-9]{3}) ([245]\.[0-9]{1,3}\.[0-9]{1,3}) ((?:<([^<>]*)>: )?([^<>]*));"
    r" from=<([^<>]*)> to=<([^<>]*)> proto=([^ ,<>]+) helo=<([^<>]*)>"
)
HEAD = re.compile(rf"{START}{STATUS}(.*)", re.ASCII | re.DOTALL)
REPLIES = ("reject", "reject_warning", "milter-reject", "proxy-reject", "proxy-accept")

LONGEST = 510  # bytes of code, status and text that smtpd writes


def read_verdict(message: str) -> Verdict | None:
    """Read a message of smtpd or postscreen; None where it is no verdict."""
    if usual := USUAL.fullmatch(message):
        return _usual(*usual.groups())
    fast = FAST.fullmatch(message)
    if fast is not None and (fast[7] or fast[2] not in REPLIES):
        return _verdict(*fast.groups())
    head = HEAD.fullmatch(message)
    if head is None:
        return None
    *start, code, status, rest = head.groups()
    before = len(code or "") + 1 + (len(status) + 1 if status else 0)
    text, subject, reason, tail = read_body(rest, status, LONGEST - before)
    return _verdict(*start, code, status, text, subject, reason, *tail)


def _usual(
    queue_id: str | None,
    verb: str,
    command: str,
    name: str,
    address: str,
    port: str | None,
    code: str,
    status: str,
    text: str,
    subject: str | None,
    reason: str,
    *envelope: str,
) -> Verdict:
    return Verdict(
        verb,
        None if queue_id == "NOQUEUE" else queue_id,
        command,
        Client(name, address, port),
        int(code),
        status,
        text,
        reason,
        subject,
        *envelope,
    )


def _verdict(
    queue_id: str | None,
    verb: str,
    command: str,
    name: str,
    address: str | None,
    port: str | None,
    code: str | None,
    status: str | None,
    text: str,
    subject: str | None,
    reason: str,
    *tail: str | None,
) -> Verdict:
    return Verdict(
        verb,
        None if queue_id == "NOQUEUE" else queue_id,
        command,
        None if address is None else Client(name, address, port),
        int(code) if code else None,
        status,
        text,
        reason,
        subject,
        *tail,
    )


def verdict_of(check: Check) -> Verdict:
    """What a milter or cleanup decided, as a verdict.

    Only a milter names the envelope; what a check found in a message is not ours to
    read.
    """
    if check.place == "END-OF-MESSAGE":
        said = f"{check.queue_id}: {check.verb}: {check.place} {check.text}"
        if whole := read_verdict(said):
            return whole
    return Verdict(check.verb, check.queue_id, "END-OF-MESSAGE", None, text=check.text)
