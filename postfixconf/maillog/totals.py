"""Counting whole logs: big blocks of bytes, one regular expression over each.

Totals count lines as pflogsumm 1.1.5 does; a test compares. It differs from it on
purpose in this: any syslog_name counts, not only `postfix`; our own probes count
nowhere; a line that the syslog daemon has folded counts as often as it came; and
text that a stranger wrote is never taken for a line of its own. What pflogsumm does
and a reader may not expect: a message that passes a content filter is delivered
twice, `deferred` counts messages and not deferrals, and a milter's refusal counts
only where cleanup logs it.

Per control the lines are counted, and the attempts: the lines of one RCPT together
(`attempts` says which those are). A count of refusals alone looks at no other line,
and takes the lines of one process apart only where it sees it doing something else
between them within one block.
"""

import re
from collections import defaultdict
from typing import Any

from postfixconf.maillog.attribution import is_control
from postfixconf.maillog.clock import STAMP
from postfixconf.maillog.distinct import Distinct
from postfixconf.maillog.lines import MOST, PROBES, QUEUE_ID, REPEATED, is_postfix
from postfixconf.maillog.tally import USUAL, ControlTally
from postfixconf.maillog.words import WORD, kind_of

__all__ = ["BLOCK", "Totals"]

BLOCK = 1 << 18  # bytes read at once
LONGEST = 1 << 20  # bytes of one line that are looked at

HEAD = (
    rf"\n({STAMP}) [^ \n]+ ([^ \n\[\]:]+)\[([0-9]{{1,10}})\]: "
    r"(?:\[ID [0-9]+ [^\]\n]+\] )?"
)
STATUS = (
    r"to=<[^>\n]*>, (?:orig_to=<[^>\n]*>, )?relay=[^,\n]+, (?:conn_use=[^,\n]+, )?"
    r"delay=[^,\n]+, (?:delays=[^,\n]+, )?(?:dsn=[^,\n]+, )?"
    r"status=([^ \n]+(?: \(forwarded as )?)"
)
VERDICT = (
    r"([mrhdw](?:ilter-reject: |eject(?:_warning)?: |old: |iscard: "
    r"|arning: (?:header|body|END-OF-MESSAGE) |essage repeated )[^\n]*)"
)
SCAN = re.compile(
    rf"{HEAD}(?:({QUEUE_ID}): )?(?:{STATUS}|{VERDICT}|({WORD}=?))".encode()
)
REFUSED = r"((?:(?:milter-)?reject(?:_warning)?: |warning: |message repeated )[^\n]*)"
REFUSAL = re.compile(rf"{HEAD}(?:({QUEUE_ID}): )?{REFUSED}".encode())
QUICK = re.compile(f"{HEAD}(?:{QUEUE_ID}: )?".encode() + USUAL.pattern)
WARNED = re.compile(rb": warning: (?:header|body|END-OF-MESSAGE) ")
CHECK = re.compile(rb"((?:milter-)?[a-z]+): (?:header|body|END-OF-MESSAGE) ")
PARTING = frozenset((b"connect", b"disconnect", b"lost", b"timeout", b"too"))
CLIENT = b"client="
# The services whose messages pflogsumm counts as received: what comes in a second
# time, from a content filter, has a name of its own in the logs we know.
INCOMING = re.compile(r"[^/]+(?:/smtps|/submissions?)?/(?:smtpd|postscreen)")
PICKED_UP = (b"uid=", b"sender=")
RECEIVED = frozenset((CLIENT, *PICKED_UP))
OUTCOMES = {b"sent": "delivered", b"bounced": "bounced"}
CLEANUP = frozenset((b"reject", b"milter-reject", b"warning", b"hold", b"discard"))
KINDS = 1000  # kinds of unknown lines told apart
COUNTED = {
    "reject": "rejected",
    "milter-reject": "rejected",
    "reject_warning": "reject_warnings",
    "warning": "reject_warnings",
    "hold": "held",
    "discard": "discarded",
}


class Totals:
    """Counts what it is fed, in blocks of any size.

    >>> totals = Totals()
    >>> totals.feed(b"Nov  2 08:01:02 mx postfix/pickup[1]: 4F1A2B: uid=0 from=<r>")
    >>> totals.result()["totals"]["received"]
    1
    """

    def __init__(self, *, rejects_only: bool = False) -> None:
        self._rest = b""
        self._rejects_only = rejects_only
        self._services: dict[bytes, str] = {}
        self._lines = 0
        self._heads: dict[tuple[bytes, bytes], int] = defaultdict(int)
        self._unknown: dict[str, int] = defaultdict(int)
        self._statuses: dict[str, int] = defaultdict(int)
        self._deferred = Distinct()
        self._verdicts: dict[str, int] = defaultdict(int)
        self._tally = ControlTally()

    def feed(self, data: bytes) -> None:
        """Count the whole lines of a block; what is left waits for the next one."""
        end = data.rfind(b"\n") + 1
        if end == 0:
            # Of an endless line the beginning says what it is.
            self._rest += data[: max(0, LONGEST - len(self._rest))]
            return
        block = b"\n" + self._rest + data[:end]
        self._rest = data[end:]
        self._lines += block.count(b"\n") - 1
        self._count(block)

    def finish(self) -> None:
        """Count a last line that has no end."""
        if self._rest:
            self.feed(b"\n")

    def result(self) -> dict[str, Any]:
        """The object of DESIGN.md section 6; None for what was not asked for."""
        self.finish()
        totals: dict[str, int | None] = dict.fromkeys(
            ("received", "delivered", "deferred", "bounced")
        )
        names = ("rejected", "reject_warnings", "held", "discarded")
        totals |= {name: self._verdicts[name] for name in names}
        if self._rejects_only:
            totals |= {"held": None, "discarded": None}
        else:
            totals |= self._flow()
        return {
            "lines": self._lines,
            "unknown": None if self._rejects_only else sum(self.unknown().values()),
            "totals": totals,
            "controls": self._tally.result(is_control),
        }

    def details(self) -> dict[str, Any]:
        """What is not of the contract: other kinds, and unknown lines by kind."""
        others = self._tally.result(lambda key: not is_control(key))
        return {"others": others, "unknown_kinds": self.unknown()}

    def unknown(self) -> dict[str, int]:
        """How many lines were not understood, by program and first word."""
        self._settle()
        found = self._unknown.items()
        return dict(sorted(found, key=lambda each: (-each[1], each[0])))

    def _settle(self) -> None:
        """Keep of all first words those that count for something."""
        for (program, word), count in [*self._heads.items()]:
            name = program.decode("utf-8", "replace")
            ours = self._service(program) not in ("", PROBES)
            kind, known = kind_of(name, word.decode().rstrip("="))
            if ours and not known:
                room = kind in self._unknown or len(self._unknown) < KINDS
                self._unknown[kind if room else "other"] += count
            if not ours or not known or word not in RECEIVED:
                del self._heads[program, word]

    def _flow(self) -> dict[str, int]:
        """Messages in and out."""
        received = 0
        for (program, word), count in self._heads.items():
            service = self._service(program)
            if word == CLIENT and service in ("smtpd", "postscreen"):
                name = program.decode(errors="replace")
                received += count if INCOMING.fullmatch(name) else 0
            elif word in PICKED_UP and service == "pickup":
                received += count
        return {
            "received": received,
            "delivered": self._statuses["delivered"],
            "deferred": len(self._deferred),
            "bounced": self._statuses["bounced"],
        }

    def _service(self, program: bytes) -> str:
        """The daemon; PROBES for our own, "" for other programs'."""
        known = self._services.get(program)
        if known is None:
            name = program.decode("utf-8", "surrogateescape")
            known = name.rpartition("/")[2] if is_postfix(name) else ""
            if PROBES in name.split("/")[:-1]:
                known = PROBES
            if len(self._services) < KINDS:
                self._services[program] = known
        return known

    def _count(self, block: bytes) -> None:
        if self._rejects_only:
            self._count_refusals(block)
            return
        heads, tally = self._heads, self._tally
        for at, program, pid, queue_id, status, verdict, word in SCAN.findall(block):
            if verdict:
                self._verdict(at, program, pid, verdict)
            elif status:
                self._status(program, queue_id, status)
            else:
                heads[program, word] += 1
                if word in PARTING:
                    tally.part(program, pid)
                elif word == CLIENT:
                    tally.accept(program, pid)
                    if not queue_id:
                        heads[program, word] -= 1
        if len(heads) > 10 * KINDS:
            self._settle()

    def _count_refusals(self, block: bytes) -> None:
        for warned in WARNED.finditer(block):
            start = block.rfind(b"\n", 0, warned.start())
            if match := REFUSAL.match(block, start, warned.end() + 1):
                self._verdict(*match.group(1, 2, 3, 5))
        place = block.find(b"reject")
        while place >= 0:
            start, end = block.rfind(b"\n", 0, place), block.find(b"\n", place)
            if usual := QUICK.fullmatch(block, start, end):
                self._usual(usual, block, start, end)
            elif (match := REFUSAL.match(block, start, end)) and not match[
                5
            ].startswith(b"w"):
                at, program, pid, _, verdict = match.groups()
                self._tally.between(block, program, pid, start)
                self._verdict(at, program, pid, verdict)
                self._tally.note(program, pid, end)
            place = block.find(b"reject", end)
        self._tally.next_block()

    def _usual(
        self, usual: re.Match[bytes], block: bytes, start: int, end: int
    ) -> None:
        fields = usual.groups()
        program, pid = fields[1:3]
        if self._service(program) in ("smtpd", "postscreen"):
            self._tally.between(block, program, pid, start)
            self._verdicts[COUNTED[fields[3].decode()]] += 1
            self._tally.add_usual(*fields)
            self._tally.note(program, pid, end)

    def _status(self, program: bytes, queue_id: bytes, status: bytes) -> None:
        service = self._service(program)
        if service in ("", PROBES, "smtpd", "postscreen", "master"):
            self._heads[program, b"to"] += 1
            return
        if status == b"deferred":
            self._deferred.add(queue_id)
        elif status in OUTCOMES:
            self._statuses[OUTCOMES[status]] += 1

    def _verdict(self, at: bytes, program: bytes, pid: bytes, verdict: bytes) -> None:
        service = self._service(program)
        if service in ("", PROBES):
            return
        if verdict.startswith(b"message repeated "):
            self._repeated(at, program, pid, verdict)
            return
        verb = verdict.partition(b":")[0]
        self._heads[program, verb] += 1
        if service in ("smtpd", "postscreen"):
            if verb != b"milter-reject" and verb != b"warning":
                self._verdicts[COUNTED[verb.decode()]] += 1
            self._tally.add(at, program, pid, verdict)
        elif service == "cleanup" and CHECK.match(verdict) and verb in CLEANUP:
            self._verdicts[COUNTED[verb.decode()]] += 1

    def _repeated(self, at: bytes, program: bytes, pid: bytes, folded: bytes) -> None:
        """A line that the syslog daemon has folded, as often as it came."""
        match = REPEATED.fullmatch(folded.decode("utf-8", "surrogateescape"))
        if match is None or match[2].startswith("message repeated "):
            self._heads[program, b"message"] += 1
            return
        line = b"\n%b h %b[%b]: " % (at, program, pid)
        line += match[2].encode("utf-8", "surrogateescape")
        refusal = REFUSAL.match(line)
        for _ in range(min(int(match[1]), MOST)):
            if not self._rejects_only:
                self._count(line + b"\n")
            elif refusal is not None:
                self._verdict(*refusal.group(1, 2, 3, 5))
