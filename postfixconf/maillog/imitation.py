"""The rest of a verdict's line, where a stranger may have written what looks like it.

The subject, the sender and the greeting are strangers' text and may imitate the rest
of a line: smtpd puts `?` for `<>;@` and blanks in a greeting, but not in a quoted
sender, and postscreen in neither. Where a line can be read in more than one way, the
reading is taken in which the subject is the very address or greeting that the end of
the line names, and the longest such subject: who greets with
`x>: Sender address rejected: …` is read as having greeted with just that.

What this does not handle: a stranger who guesses the whole beginning of his own
line, reply included, and repeats it in his greeting can make smtpd write, byte for
byte, the line of another refusal with the same status code.
"""

import re
from typing import NamedTuple

__all__ = ["PROTO", "SASL", "Body", "Tail", "read_body"]

SASL = (
    r"(?:,? sasl_method=([^ ,<>]+))?(?:,? sasl_username=([^ ,<>]+))?"
    r"(?:,? sasl_sender=([^ ,<>]+))?"
)
PROTO = r"(?:,? ?proto=([^ ,<>]+))?"

CLASSES = (
    "(?:Unverified )?Client host|Client certificate|SASL login name|Helo command"
    "|Sender address|Recipient address|(?:Data|End-of-data|Etrn) command"
)
SUBJECT_END = re.compile(
    rf">: (?=({CLASSES}) |(Relay access denied|User unknown|Temporary lookup failure))"
)
BLOCKED = re.compile(r"\] blocked using [^\s;,]+")
BLOCKED_START = re.compile(
    r"Service unavailable; (Sender address|Helo command|Recipient address) \["
)
MARK = re.compile(r"; ?(?=(?:from=<|to=<|proto=))")
QUOTED = r'(?:"(?:[^"\\]|\\.)*"[^<>"]*|[^<>]*)'
ENVELOPE = re.compile(
    rf"(?:from=<({QUOTED})>)?(?:,? ?to=<({QUOTED})>)?{PROTO}(?:,? ?helo=<(.*)>)?"
    rf"{SASL} ?",
    re.ASCII | re.DOTALL,
)
LOOSE = re.compile(
    rf"(?:from=<(.*?)>)?(?:,? ?to=<(.*?)>)?{PROTO}(?:,? ?helo=<(.*)>)?{SASL} ?",
    re.ASCII | re.DOTALL,
)
CUT = re.compile(
    rf"(?:from=<([^<>]*)>)?(?:,? ?to=<([^<>]*)>)?{PROTO}(?:,? ?helo=<([^<>]*))?{SASL}",
    re.ASCII,
)
ENDING = re.compile(rf"{SASL} ?\Z", re.ASCII)
TRIES = 24  # readings looked at on one line

# Status codes that Postfix has fixed for a reason (smtpd_check.c), without class.
FIXED = {
    "Helo command rejected: need fully-qualified hostname": "5.2",
    "Helo command rejected: Invalid name": "5.2",
    "Helo command rejected: invalid ip address": "5.2",
    "Helo command rejected: Host not found": "7.1",
    "Sender address rejected: Domain not found": "1.8",
    "Recipient address rejected: Domain not found": "1.2",
}


class Tail(NamedTuple):
    """The fields at the end of a line."""

    sender: str | None = None
    recipient: str | None = None
    proto: str | None = None
    helo: str | None = None
    sasl_method: str | None = None
    sasl_username: str | None = None
    sasl_sender: str | None = None


class Body(NamedTuple):
    """Everything behind the status code."""

    text: str
    subject: str | None
    reason: str
    tail: Tail


def read_body(rest: str, status: str | None, cut: int) -> Body:
    """The reading of text and envelope that agrees with itself.

    `status` is the enhanced status code that stands before it, `cut` the bytes after
    which smtpd cuts the text off.
    """
    if rest.startswith("<"):
        ends = [*SUBJECT_END.finditer(rest, 1)][:TRIES]
        for end in reversed(ends):
            subject, after = rest[1 : end.start()], rest[end.end() :]
            found = _agreeing(subject, end[1] or "Recipient address", after, status)
            if found:
                reason, tail = found
                return Body(f"<{subject}>: {reason}", subject, reason, tail)
    if blocked := BLOCKED_START.match(rest):
        for end in reversed([*BLOCKED.finditer(rest)][:TRIES]):
            subject = rest[blocked.end() : end.start()]
            found = _agreeing(subject, blocked[1], rest[end.start() :], None)
            if found:
                reason = rest[: blocked.end()] + subject + found[0]
                return Body(reason, subject, reason, found[1])
    return _plain(rest, cut)


def _plain(rest: str, cut: int) -> Body:
    """A text that names no stranger's words, or one that was cut short."""
    if len(rest.encode("utf-8", "surrogateescape")) > cut:
        kept = rest.encode("utf-8", "surrogateescape")[:cut]
        text = kept.decode("utf-8", "surrogateescape")
        if rest[len(text) : len(text) + 2] == "; ":
            tail = _tail(rest[len(text) + 2 :])
            if tail:
                return Body(text, None, text, tail)
    marks = [*MARK.finditer(rest)]
    # Behind a subject that no other field confirms, a stranger may have gone on
    # writing: then the last envelope is Postfix's own.
    for mark in reversed(marks[-TRIES:]) if rest.startswith("<") else marks[:TRIES]:
        if tail := _tail(rest[mark.end() :]):
            text = rest[: mark.start()]
            return Body(text, None, _reason(text), tail)
    if marks:
        mark = marks[0]
        text = rest[: mark.start()]
        short = CUT.match(rest, mark.end())
        tail = Tail(*short.groups()) if short else Tail()
        return Body(text, None, _reason(text), tail)
    text = rest.removesuffix(";")
    return Body(text, None, _reason(text), Tail())


def _reason(text: str) -> str:
    """The text without `<subject>: ` where there is one end of it only."""
    ends = [*SUBJECT_END.finditer(text, 1)] if text.startswith("<") else []
    return text[ends[0].end() :] if len(ends) == 1 else text


def _agreeing(
    subject: str, kind: str, after: str, status: str | None
) -> tuple[str, Tail] | None:
    """Reason and envelope, if the envelope names the subject as a `kind` would."""
    if kind == "Helo command":
        ending = ENDING.search(after)
        plain = after[: ending.start()] if ending else after
        known = f" helo=<{subject}>"
        mark = MARK.search(after)
        if not ending or not plain.endswith(known) or not mark:
            return None
        middle = plain[mark.end() : len(plain) - len(known)].rstrip(",")
        tail = _tail(middle) if mark.end() <= len(plain) - len(known) else None
        if tail is None or tail.helo is not None:
            return None
        found = Tail(*tail[:3], subject, *ending.groups())
        reason = after[: mark.start()]
        return (reason, found) if _fits(reason, status) else None
    marks = [*MARK.finditer(after)][:TRIES]
    if "verif" in after[:60] or "undeliverable" in after[:60]:
        marks.reverse()  # the text of another server, which may be the stranger's
    for mark in marks:
        tail = _tail(after[mark.end() :], subject, kind)
        if tail and _fits(after[: mark.start()], status):
            return after[: mark.start()], tail
    return None


def _tail(text: str, subject: str | None = None, kind: str = "") -> Tail | None:
    """The envelope that a text is, if it is one and names the subject."""
    if kind == "Recipient address":
        before, found, behind = text.partition(f"to=<{subject}>")
        first, second = _envelope(before.rstrip(", ")), _envelope(behind)
        if not found or first is None or second is None:
            return None
        return second._replace(sender=first.sender, recipient=subject)
    if kind == "Sender address" and text.startswith(known := f"from=<{subject}>"):
        rest = _envelope(text[len(known) :])
        return rest and rest._replace(sender=subject)
    tail = _envelope(text)
    if tail is None or kind != "Sender address" or subject is None:
        return tail
    # smtpd names the sender unquoted, and a list of domains only its domain.
    sender = tail.sender or ""
    same = sender.replace('"', "") == subject.replace('"', "")
    return tail if same or sender.endswith(f"@{subject}") else None


def _envelope(text: str) -> Tail | None:
    match = ENVELOPE.fullmatch(text) or LOOSE.fullmatch(text)
    return Tail(*match.groups()) if match else None


def _fits(reason: str, status: str | None) -> bool:
    """Whether a reason may come with a status code."""
    fixed = next((v for k, v in FIXED.items() if reason.startswith(k)), None)
    return status is None or fixed is None or status.partition(".")[2] == fixed
