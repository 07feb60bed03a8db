"""Mail as a busy server logs it, line by line, with the truth of what became of it.

Sessions of several smtpd processes stand among one another, as they do in a log.
Each sender is another one, so that the truth has a name for each attempt.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

__all__ = ["Mail"]

HELO = "reject_non_fqdn_helo_hostname"
CLIENT = "mx.good.example[192.0.2.7]"
TO = "bob@practice.test"
SHORT = "504 5.5.2 <pc7>: Helo command rejected: need fully-qualified hostname"
DOMAIN = "450 4.1.8 <{}>: Sender address rejected: Domain not found"
PROCESSES = 5


@dataclass
class Mail:
    """Lines without end: `lines` takes some. What was logged whole is in `truth`.

    `truth` has outcome, warned control and delivery by sender, `tries` counts what
    postgrey logged.
    """

    chance: Random
    truth: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    tries: int = 0
    _number: int = 0
    _ending: bool = False
    _going: list[Iterator[str]] = field(default_factory=list)

    def lines(self, count: int) -> list[str]:
        """The next lines."""
        while len(self._going) < PROCESSES:
            self._going.append(self._process(100 + len(self._going)))
        return [next(self.chance.choice(self._going)) for _ in range(count)]

    def rest(self) -> list[str]:
        """What ends the sessions that are open."""
        self._ending = True
        return [line for going in self._going for line in going]

    def _process(self, pid: int) -> Iterator[str]:
        """One smtpd: session after session."""
        while not self._ending:
            kind = self.chance.choice((*KINDS, *KINDS[:3]))
            self._number += 1
            sender = f"a{self._number}@good{self._number % 50}.example"
            queue_id = f"{self._number:010X}"
            yield from kind(self, pid, sender, queue_id)

    def refused(self, pid: int, sender: str, _: str) -> Iterator[str]:
        """One line."""
        self.truth[sender] = ("refused", "", "")
        yield verdict(pid, "reject", SHORT, sender)

    def put_off(self, pid: int, sender: str, _: str) -> Iterator[str]:
        """One line."""
        self.truth[sender] = ("put off", "", "")
        yield verdict(pid, "reject", DOMAIN.format(sender), sender)

    def warned_and_put_off(self, pid: int, sender: str, _: str) -> Iterator[str]:
        """Two lines that are one attempt."""
        yield verdict(pid, "reject_warning", SHORT, sender)
        self.truth[sender] = ("put off", HELO, "")
        yield verdict(pid, "reject", DOMAIN.format(sender), sender)

    def accepted(self, pid: int, sender: str, queue_id: str) -> Iterator[str]:
        """A message with its way through the queue."""
        yield smtpd(pid, f"connect from {CLIENT}")
        yield from self._on_its_way(pid, sender, queue_id, "")

    def warned_and_accepted(
        self, pid: int, sender: str, queue_id: str
    ) -> Iterator[str]:
        """The same with a line of a rule that only logs."""
        yield smtpd(pid, f"connect from {CLIENT}")
        yield verdict(pid, "reject_warning", SHORT, sender)
        yield from self._on_its_way(pid, sender, queue_id, HELO)

    def greylisted(self, pid: int, sender: str, _: str) -> Iterator[str]:
        """postgrey's line and smtpd's."""
        self.tries += 1
        yield logged(
            f"postgrey[{pid + 9}]",
            "action=greylist, reason=new, client_name=mx.good.example, "
            f"client_address=192.0.2.7, sender={sender}, recipient={TO}",
        )
        text = f"450 4.2.0 <{TO}>: Recipient address rejected: Greylisted"
        self.truth[sender] = ("put off", "", "")
        yield verdict(pid, "reject", text, sender)

    def noise(self, pid: int, *_: str) -> Iterator[str]:
        """Lines that say nothing of a mail."""
        yield logged(f"cron[{pid}]", "(root) CMD (true)")

    def _on_its_way(
        self, pid: int, sender: str, queue_id: str, warned: str
    ) -> Iterator[str]:
        yield smtpd(pid, f"{queue_id}: client={CLIENT}")
        yield logged("postfix/cleanup[8]", f"{queue_id}: message-id=<{sender}>")
        told = f"{queue_id}: from=<{sender}>, size=9, nrcpt=1 (queue active)"
        self.truth[sender] = ("accepted", warned, "")
        yield logged("postfix/qmgr[9]", told)
        yield smtpd(pid, f"disconnect from {CLIENT} ehlo=1 mail=1 rcpt=1 data=1")
        for status in ("deferred", "sent"):
            self.truth[sender] = ("accepted", warned, status)
            yield logged(
                "postfix/smtp[10]",
                f"{queue_id}: to=<{TO}>, relay=h[192.0.2.9]:25, delay=1,"
                f" delays=1/0/0/0, dsn=2.0.0, status={status} (said)",
            )
        yield logged("postfix/qmgr[9]", f"{queue_id}: removed")


KINDS = (
    Mail.accepted,
    Mail.warned_and_accepted,
    Mail.warned_and_put_off,
    Mail.refused,
    Mail.put_off,
    Mail.greylisted,
    Mail.noise,
)


def logged(program: str, message: str) -> str:
    """A line as of now."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    return f"{now} mx {program}: {message}"


def smtpd(pid: int, message: str) -> str:
    """A line of one smtpd."""
    return logged(f"postfix/smtpd[{pid}]", message)


def verdict(pid: int, verb: str, text: str, sender: str) -> str:
    """What smtpd logs of a RCPT."""
    end = f"from=<{sender}> to=<{TO}> proto=ESMTP helo=<pc7>"
    return smtpd(pid, f"NOQUEUE: {verb}: RCPT from {CLIENT}: {text}; {end}")
