"""One attempt is one RCPT: its lines merged, the verdict, what it would have been.

    attempts = Attempts()
    for line in log:
        for attempt in attempts.feed(read(line, clock), line):
            store(attempt.key, attempt)

(`intake` does the same with whole blocks, several times as fast.)

Lines of one smtpd process about the same client, sender and recipient are one
attempt, up to a refusal or to anything else the process does; a refusal of DATA or
of the message is one of every recipient that was accepted. An attempt is handed out
when it is decided, and again, with the same `key`, whenever it has changed. A
recipient counts as accepted when smtpd names the queue id, the next command comes,
or the message stands in the queue.

Memory is bounded: of the sessions and messages not heard of for longest the state
is dropped, what was open is handed out first. An outcome of a message whose
beginning was not seen (or is forgotten) comes with no client, only with the key
under which the beginning was handed out: host, instance, queue id, recipient.

What this does not handle:
- a recipient that an alias turned into several is one attempt, and the last outcome
  stands; mail that a local program sent, or that a .forward sent on, is no attempt;
- no line tells that a client gave a message up (RSET, QUIT, a lost connection): its
  recipients stay accepted, without a delivery;
- a recipient accepted without any line (a second one, the recorder off) is not known
  before its delivery, nor at all when the message is refused;
- behind a content filter that does not say which message it sends on (XFORWARD), the
  message counts a second time, from the filter's address;
- where smtpd does not wait for RCPT (smtpd_delay_reject = no), a warning about
  CONNECT, HELO or MAIL is an attempt of its own, without a recipient;
- the outcome of an attempt that `settle` had handed out undecided, and whose
  message is delivered after a restart, has another key.
"""

from postfixconf.maillog.attempt import Attempt
from postfixconf.maillog.merging import Merging
from postfixconf.maillog.records import (
    Accepted,
    Check,
    Closed,
    Delivery,
    MessageId,
    Opened,
    Queued,
    Removed,
    Secured,
    Seen,
    Verdict,
)
from postfixconf.maillog.state import Process

__all__ = ["Attempts"]


class Attempts(Merging):
    """Merges records, fed in the order of the log, into attempts."""

    def feed(self, seen: Seen, raw: bytes = b"") -> list[Attempt]:
        """The attempts that this record decides or adds to; `raw` is its line."""
        for _ in range(seen.times):
            self.take(seen, raw)
        return self.changed()

    def take(self, seen: Seen, raw: bytes) -> None:
        """Take in a record once, whatever its `times`."""
        process: Process = (seen.host, seen.program, seen.pid)
        instance = seen.program.partition("/")[0]
        match seen.record:
            case Verdict():
                self.verdict(process, seen.record, seen.at, raw)
            case Opened():
                self.part(process)
                self.opened(process)
            case Closed():
                self.part(process)
            case Secured():
                self.encrypted(process, seen.record.message)
            case Delivery() as record:
                name = (seen.host, instance, record.queue_id)
                self.delivered(name, record, seen.at, raw)
            case Queued() as record:
                local = seen.program.endswith("/pickup")
                name = (seen.host, instance, record.queue_id)
                self.queued(name, record.sender, local=local)
            case MessageId() as record:
                name = (seen.host, instance, record.queue_id)
                self.identified(name, record.message_id)
            case Removed() as record:
                self.removed((seen.host, instance, record.queue_id))
            case Accepted() as record:
                name = (seen.host, instance, record.queue_id)
                self.accepted(name, process, record, seen.at, raw)
            case Check() as record:
                name = (seen.host, instance, record.queue_id)
                self.stopped(name, record, seen.at, raw)
