"""A log line, taken apart: stamp, host, program, process id, message.

    Nov  2 08:01:02 mx postfix/smtpd[321]: NOQUEUE: reject: …
    2026-11-02T08:01:02.123456+01:00 mx postfix/submission/smtpd[321]: …

The program is `NAME/DAEMON` with any syslog_name: the NAME of an instance may hold
slashes (`postfix-in/submission/smtpd`). Solaris's `[ID … mail.info]` is dropped, a
folded repeat (`message repeated 3 times: [ … ]`) is opened. An escape of the syslog
daemon (`#012`) stays as it is inside a line, because a stranger can write one too;
at the end of a line, where Postfix writes none, it is dropped.

What this does not handle: `last message repeated` (it names no program), lines
without a host or a process id, and prefixes that a container's log driver adds.
"""

import re
from typing import NamedTuple

from postfixconf.maillog.clock import STAMP

__all__ = ["DAEMONS", "PROBES", "QUEUE_ID", "REPEATED", "Line", "is_postfix", "split"]

# Short ids are capital hexadecimal, long ones have no vowels (postconf(5),
# enable_long_queue_ids), so none of Postfix's words looks like one. NOQUEUE does.
QUEUE_ID = "[0-9A-Zb-df-hj-np-tv-z]{5,25}"
HEAD = re.compile(
    rf"({STAMP}) ([^ ]+) ([^ \[\]:]+)\[([0-9]{{1,10}})\]: "
    r"(?:\[ID [0-9]+ [^\]\n]+\] )?(.*)",
    re.ASCII | re.DOTALL,
)
REPEATED = re.compile(r"message repeated (\d{1,9}) times?: \[ ?(.*?)\]?\Z", re.DOTALL)
ENDS = re.compile(r"(?:\r|\n|#012|#015)+\Z")
MOST = 100_000  # times a line is believed to have been repeated

DAEMONS = frozenset(
    """
    anvil bounce cleanup discard dnsblog error flush lmtp local master oqmgr pickup
    pipe postalias postcat postdrop postfix-script postkick postlog postlogd postmap
    postmulti postqueue postscreen postsuper proxymap proxywrite qmgr qmqpd retry
    scache sendmail showq smtp smtpd spawn tlsmgr tlsproxy trivial-rewrite verify
    virtual
    """.split()
)
PROBES = "mailguard"  # the part of the service name that our own probes log under


class Line(NamedTuple):
    """One line; `times` is how often the syslog daemon says it came."""

    stamp: str
    host: str
    program: str
    pid: int
    message: str
    times: int = 1

    @property
    def daemon(self) -> str:
        """The last part of the program: `smtpd` of `postfix/submission/smtpd`."""
        return self.program.rpartition("/")[2]


def is_postfix(program: str) -> bool:
    """Whether a program logs as Postfix does: NAME/DAEMON, or is one of its scripts."""
    name, slash, daemon = program.rpartition("/")
    if not slash:
        return daemon in ("postfix", "postfix-script")
    return name[:1] not in ("", "/") and (daemon in DAEMONS or "postfix" in name)


def split(line: bytes) -> Line | None:
    """Take a line apart; None where it is no syslog line."""
    text = ENDS.sub("", line.decode("utf-8", "surrogateescape"))
    match = HEAD.fullmatch(text)
    if match is None:
        return None
    stamp, host, program, pid, message = match.groups()
    times = 1
    if folded := REPEATED.fullmatch(message):
        times, message = min(int(folded[1]), MOST), folded[2]
    return Line(stamp, host, program, int(pid), message, times)
