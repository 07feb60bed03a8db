"""Greylisting off and on again under mail: nothing is lost, and nobody gets 451."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from postfixconf.host.apply import Applied
from postfixconf.policy.greylisting import Greylisting
from tests.support.practice import Practice
from tests.support.smtp import smtp
from tests.support.soak import full
from tests.support.waiting import eventually

TIMES = full(100)  # five in an ordinary run
SENDERS = 3
SHORT = Greylisting(delay=1)
GOOD = "127.0.0.10"
SUBJECT = re.compile(rb"Subject: (m\d-\d+)")
LONGEST = 60.0  # seconds that one message may take


class Sender(Thread):
    """A mail server: sends one message after the other, each until it is taken.

    `replies` counts every reply that was no yes, `sent` are the messages that got one.
    """

    def __init__(self, name: str, port: int, over: Event) -> None:
        super().__init__(daemon=True)
        self._who, self._port, self._over = name, port, over
        self.replies: Counter[int] = Counter()
        self.sent: list[str] = []
        self.trouble = ""

    def run(self) -> None:
        while not self._over.is_set() and not self.trouble:
            message = f"{self._who}-{len(self.sent)}"
            begun = time.monotonic()
            while not self.taken(message):
                if time.monotonic() - begun > LONGEST:
                    self.trouble = f"{message} is not taken"
                    return
                time.sleep(0.2)
            self.sent.append(message)

    def taken(self, message: str) -> bool:
        """Try once; a connection that is cut off counts as no."""
        try:
            with smtp(port=self._port, src=GOOD, helo="mx.good.example") as client:
                for reply in (
                    client.mail(f"{message}z@good.example"),
                    client.rcpt("bob@practice.test"),
                ):
                    if not reply.ok:
                        self.replies[reply.code] += 1
                        return False
                text = f"Subject: {message}\r\n\r\n{message}\r\n"
                reply = client.data(text.encode())
        except OSError:  # Postfix is being restarted
            return False
        self.replies[reply.code] += not reply.ok
        return reply.ok


@contextmanager
def sending(practice: Practice) -> Iterator[list[Sender]]:
    """Mail servers at work; at the end each has had its last message taken."""
    over = Event()
    senders = [Sender(f"m{n}", practice.port, over) for n in range(SENDERS)]
    for each in senders:
        each.start()
    try:
        yield senders
    finally:
        over.set()
        for each in senders:
            each.join(LONGEST)


def subjects(practice: Practice) -> set[str]:
    """The messages in the mailbox, and those that Postfix still has to deliver.

    A delivery that a restart cuts off leaves its lock, and is tried again later.
    """
    spool = practice.instance.queue_directory
    places = [practice.room / "practice/mail"]
    places += [spool / each for each in ("incoming", "active", "deferred")]
    found: set[str] = set()
    for path in (path for place in places for path in place.rglob("*")):
        with suppress(OSError):
            found |= {x.decode() for x in SUBJECT.findall(path.read_bytes())}
    return found


def test_no_message_is_lost_and_none_gets_451(practice: Practice) -> None:
    with sending(practice) as senders:
        for _ in range(TIMES):
            for mode in ("on", "off"):
                made = practice.plan({"greylisting": mode}, greylisting=SHORT)
                assert isinstance(practice.apply(made), Applied)
                time.sleep(0.3)
    assert [each.trouble for each in senders] == [""] * SENDERS
    replies = sum((each.replies for each in senders), Counter[int]())
    assert replies[450] > 0
    assert set(replies) <= {450, 0}
    sent = {message for each in senders for message in each.sent}
    assert len(sent) > TIMES
    eventually(lambda: sent <= subjects(practice), 20)
