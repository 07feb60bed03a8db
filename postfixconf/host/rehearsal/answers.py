"""What a throw-away Postfix answered: the reply, and the control behind it.

The reply comes from the conversation, the control from the log line of the same
probe: each probe has a client port of its own, which stands in the line before
anything that a stranger wrote.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from postfixconf.host.conversation import NO_AUTH, Reply
from postfixconf.maillog import records
from postfixconf.maillog.attribution import key_of_record
from postfixconf.maillog.lines import split
from postfixconf.maillog.parse import record_of
from postfixconf.policy.probes import Probe, Verdict

__all__ = ["Answer", "answers", "decisions"]

SAID = b" NOQUEUE: "
NOT_OFFERED = "auth"  # the key of a sign-in where nobody can sign in


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


def answers(
    probes: Sequence[Probe],
    replies: Sequence[Reply],
    logged: dict[int, list[records.Verdict]],
    own_reply: str = "",
) -> list[Answer]:
    """Replies and log lines together; the first probe's port is 1.

    `own_reply` is the text of the own-domain stop where it is not the usual one.
    """
    return [
        answer(probe, reply, port, logged.get(port, []), own_reply)
        for port, (probe, reply) in enumerate(zip(probes, replies, strict=True), 1)
    ]


def answer(
    probe: Probe,
    reply: Reply,
    port: int,
    said: Sequence[records.Verdict],
    own_reply: str,
) -> Answer:
    """One of them."""
    keys = [(each.verb, key_of_record(each, own_reply)) for each in said]
    refused = [key for verb, key in keys if verb == "reject"]
    warned = [key for verb, key in keys if verb == "reject_warning"]
    passive = ("reject", "reject_warning", "info", "warn", "permit", "prepend")
    acts = [verb for verb, _ in keys if verb not in passive]
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


def verdict_of(reply: Reply) -> Verdict:
    """Accepted, refused, or put off."""
    if reply.code < 400:
        return Verdict.ACCEPT
    return Verdict.DEFER if reply.code < 500 else Verdict.REJECT
