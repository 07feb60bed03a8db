"""The recorder: one line in the mail log for every recipient, and no verdict.

Postfix names greeting and envelope of what it refuses; of mail that it accepts the
greeting and the true reverse name stand nowhere in the log. A table that matches
every reverse name and answers INFO (access(5), 3.0 and later) has them written down:

    NOQUEUE: info: RCPT from unknown[192.0.2.1]: mailguard reverse=mx.example;
    from=<a@x> to=<b@y> proto=ESMTP helo=<z>

on one line, `unknown` where there is no reverse name. INFO goes on to the next rule.
The rule stands first in the recipient list, before the permits, so that mail of one's
own people is told too.

What it does not see: recipients refused by an earlier list, whose reject line tells
most of it; the bare `postmaster`, which skips the lists; services of master.cf with
a recipient list of their own. An address asked for with VRFY leaves a line as well,
`info: VRFY from …`, without a sender.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from postfixconf.text.rules import Rule

__all__ = ["RECORDER", "RECORDER_TABLE", "RECORDER_TYPE", "Recorder", "recorder_lines"]

RECORDER = "recorder"  # the key of its control
RECORDER_TABLE = "mailguard/recorder"  # from the configuration directory
RECORDER_TYPE = "regexp"
CHECK = "check_reverse_client_hostname_access"
OURS = re.compile(
    rf"{RECORDER_TYPE}:(\$[({{]?config_directory[)}}]?|/\S*)/{RECORDER_TABLE}"
)


@dataclass(frozen=True)
class Recorder:
    """Its place: the first of a restriction list.

    >>> Recorder("smtpd_recipient_restrictions").rule.argument
    'regexp:$config_directory/mailguard/recorder'
    """

    parameter: str

    @property
    def rule(self) -> Rule:
        """The rule as mailguard writes it."""
        return Rule(CHECK, f"{RECORDER_TYPE}:$config_directory/{RECORDER_TABLE}")

    def matches(self, rule: Rule) -> bool:
        """Whether a rule found in a file asks our table, wherever it says that is."""
        return rule.key == CHECK and OURS.fullmatch(rule.argument or "") is not None


def recorder_lines() -> Iterator[str]:
    """The lines of the table."""
    yield "/^(.*)$/ INFO mailguard reverse=$1\n"
