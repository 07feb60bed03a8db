"""What a throw-away Postfix answered: the reply, and the control behind it.

The reply comes from the conversation, the control from the log line of the same
probe: each probe has a client port of its own, which stands in the line before
anything that a stranger wrote.

What a table does with a message (DISCARD, HOLD, REDIRECT, …) smtpd leaves to others,
who are not here: it only says that it cannot, before the line of the same probe, and
goes on in the list. So rules behind a DISCARD are asked here that are not asked live.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from postfixconf.host.conversation import NO_AUTH, Reply
from postfixconf.maillog import records
from postfixconf.maillog.attribution import key_of_record
from postfixconf.maillog.lines import split
from postfixconf.maillog.parse import record_of
from postfixconf.policy.probes import Probe, Verdict

__all__ = ["NOBODY", "NO_SERVICE", "Answer", "answers", "decisions", "nobody"]

SAID = b" NOQUEUE: "
WITHHELD = b" is unavailable"
ACTION = re.compile(r"warning: access table .*, action (?!PREPEND)(\w+) is unavailable")
DECIDED = re.compile(
    r"NOQUEUE: (?:client=|reject: \w+ from )[^ \[]*\[[^\]]*\]:([0-9]+)"
)
NOT_OFFERED = "auth"  # the key of a sign-in where nobody can sign in
NO_SERVICE = "service"  # the key of what a service would answer that is not there
NOBODY = "master.cf has no service"


@dataclass(frozen=True)
class Answer:
    """The verdict on one probe.

    `code` and `text` are the deciding reply's, `control` is the key of what refused
    it, as in a log's attribution; "" where it was accepted, and where Postfix says
    nothing in its log: an address that is none. `warned` are the controls
    that would have refused it, `acts` what was done with it besides (`discard`,
    `hold`, `redirect`, …). `broken` says that Postfix itself is at fault.
    """

    probe: Probe
    verdict: Verdict
    code: int
    text: str
    control: str = ""
    warned: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    broken: bool = False

    @property
    def as_expected(self) -> bool:
        """Whether it is what the probe expects; true where that is left open."""
        return self.probe.expect is None or self.probe.expect.met_by(self.verdict)

    @property
    def lost(self) -> bool:
        """Whether the message does not arrive: refused, put off, or thrown away."""
        return self.verdict is not Verdict.ACCEPT or "discard" in self.acts

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


def decisions(lines: Iterable[bytes]) -> dict[int, list[records.Verdict]]:
    """What smtpd logged about each client port, in the order of the log."""
    found = defaultdict(list)
    for line in lines:
        if SAID not in line or b" NOQUEUE: client=" in line:
            continue
        parts = split(line)
        record = record_of(parts) if parts else None
        if isinstance(record, records.Verdict) and record.client:
            port = record.client.port or ""
            if port.isdigit():
                found[int(port)].append(record)
    return found


def withheld(lines: Sequence[bytes]) -> dict[int, list[str]]:
    """What would have been done with the message of each client port besides."""
    found: dict[int, list[str]] = {}
    waiting: dict[int, list[str]] = {}
    if not any(WITHHELD in line for line in lines):
        return found
    for parts in filter(None, map(split, lines)):
        if action := ACTION.fullmatch(parts.message):
            waiting.setdefault(parts.pid, []).append(action[1].lower())
        elif decided := DECIDED.match(parts.message):
            found[int(decided[1])] = waiting.pop(parts.pid, [])
    return found


def answers(
    probes: Sequence[Probe],
    replies: Sequence[Reply],
    lines: Sequence[bytes],
    own_reply: str = "",
) -> list[Answer]:
    """Replies and all that was logged together; the first probe's port is 1.

    `own_reply` is the text of the own-domain stop where it is not the usual one.
    """
    logged, acts = decisions(lines), withheld(lines)
    return [
        answer(
            *(probe, reply, port, logged.get(port, []), acts.get(port, [])),
            own_reply=own_reply,
        )
        for port, (probe, reply) in enumerate(zip(probes, replies, strict=True), 1)
    ]


def answer(
    probe: Probe,
    reply: Reply,
    port: int,
    said: Sequence[records.Verdict],
    acts: Sequence[str],
    *,
    own_reply: str,
) -> Answer:
    """One of them."""
    keys = [(each.verb, key_of_record(each, own_reply)) for each in said]
    refused = [key for verb, key in keys if verb == "reject"]
    warned = [key for verb, key in keys if verb == "reject_warning"]
    verdict = verdict_of(reply)
    control = ""
    if verdict is not Verdict.ACCEPT:
        control = refused[-1] if refused else ""
        control = NOT_OFFERED if reply is NO_AUTH else control
    return Answer(
        probe,
        verdict,
        reply.code,
        reply.text.replace(f"]:{port}>", "]>"),
        control,
        tuple(dict.fromkeys(warned)),
        tuple(dict.fromkeys(acts)),
        reply.broken,
    )


def nobody(probe: Probe) -> Answer:
    """The answer of a service that master.cf does not have."""
    text = f"{NOBODY} {probe.service}"
    return Answer(probe, Verdict.REJECT, 503, text, NO_SERVICE)


def verdict_of(reply: Reply) -> Verdict:
    """Accepted, refused, or put off."""
    if reply.code < 400:
        return Verdict.ACCEPT
    return Verdict.DEFER if reply.code < 500 else Verdict.REJECT
