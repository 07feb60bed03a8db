"""Lines by which the system says that it threw others away."""

import pytest

from postfixconf.host.logs import suppressed

STAMP = "Nov  2 08:01:02 mx "
TOLD = [
    "last message repeated 12 times",
    "rsyslogd: imuxsock lost 12 messages from pid 3 due to rate-limiting",
    "rsyslogd-2177: imuxsock lost 12 messages from pid 3 due to rate-limiting",
    "rsyslogd[7]: imjournal: 12 messages lost due to rate-limiting",
    "rsyslogd: imuxsock[pid 5]: 12 messages lost due to rate-limiting "
    "(200 allowed within 5 seconds)",
    "rsyslogd: imuxsock[pid 5, name postfix/smtpd]: 12 messages lost due to "
    "rate-limiting (200 allowed within 5 seconds)",
    "systemd-journald[1]: Suppressed 12 messages from postfix@-.service",
    "systemd-journald[1]: Suppressed 12 messages from postgrey.service",
    "systemd-journald[1]: Suppressed 12 messages from rsyslog.service",
]
NOT_TOLD = [
    "",
    "systemd-journald[1]: Suppressed 12 messages from nginx.service",
    "systemd-journald[1]: Suppressed 12 messages from user.slice for postfix",
    "rsyslogd: imuxsock begins to drop messages from pid 3 due to rate-limiting",
    "postfix/smtpd[1]: message repeated 3 times: [ warning: x]",
    "postfix/smtpd[1]: helo=<last message repeated 12 times",
    "postfix/smtpd[1]: helo=<Nov  2 08:01:02 mx last message repeated 12 times",
    "postfix/smtpd[1]: NOQUEUE: rsyslogd: imuxsock lost 12 messages from pid 3 due to",
]


@pytest.mark.parametrize("text", TOLD)
def test_what_the_system_threw_away_is_counted(text: str) -> None:
    assert suppressed(f"{STAMP}{text}\n".encode()) == 12


@pytest.mark.parametrize("text", NOT_TOLD)
def test_other_lines_stand_for_themselves(text: str) -> None:
    assert suppressed(f"{STAMP}{text}\n".encode()) == 0


def test_the_other_style_of_stamp() -> None:
    line = b"2026-11-02T08:01:02.123456+01:00 mx last message repeated 12 times\n"
    assert suppressed(line) == 12
