"""How many lines the system says it threw away or folded.

    rsyslogd: imuxsock lost 12 messages from pid 34 due to rate-limiting
    rsyslogd: imjournal: 12 messages lost due to rate-limiting (20000 allowed …)
    systemd-journald[1]: Suppressed 12 messages from postfix@-.service
    last message repeated 12 times

The first three name no message, so nothing of them can be counted; which message was
folded by the last is not known for certain (`message repeated 12 times: [ … ]` holds
it, and is opened by `postfixconf.maillog`). What journald suppressed of a service that
has nothing to do with mail is not counted.
"""

import re

from postfixconf.maillog.clock import STAMP

__all__ = ["suppressed"]

HEAD = rf"{STAMP} [^ ]+ "
TOLD = re.compile(
    rf"{HEAD}rsyslogd(?:-\d+)?(?:\[\d+\])?: (?:\[[^]]*\] ?)?"
    r"(?:im\w+(?:\[[^]]*\])?:? )(?:lost )?(\d+) messages (?:from pid \d+ |lost )due to"
    rf"|{HEAD}systemd-journald\[\d+\]: Suppressed (\d+) messages from "
    r"[^ ]*(?:post|mail|syslog)"
    rf"|{HEAD}last message repeated (\d+) times?\s*\Z",
    re.ASCII,
)


def suppressed(line: bytes) -> int:
    """The lines that this one stands for and that are not in the log; mostly 0.

    >>> suppressed(b"Nov  2 08:01:02 mx last message repeated 3 times\\n")
    3
    """
    if not any(word in line for word in (b"messages", b"repeated")):
        return 0
    told = TOLD.match(line.decode("utf-8", "replace"))
    return int(next(filter(None, told.groups()), "0")[:9]) if told else 0
