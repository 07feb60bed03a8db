"""The controls of how one's own people send, as data; see `catalog`."""

from postfixconf.policy.control import Control, Group, Risk, Switch
from postfixconf.policy.listener import (
    SUBMISSION,
    SUBMISSIONS,
    SYSLOG_NAME,
    LogName,
    SignIn,
)

__all__ = ["SENDING"]

SENDING: tuple[Control, ...] = (
    Control(
        key="submission",
        group=Group.SENDING,
        place=SUBMISSION,
        title="Send through port 587",
        stops="The way in for your own people: encrypted with STARTTLS before anybody "
        "may sign in, and nobody sends without signing in.",
        loses="Nothing on port 25. A program that cannot do TLS cannot use it.",
        risk=Risk.LOW,
        reply="530 5.7.0 Must issue a STARTTLS command first",
        signature=None,
    ),
    Control(
        key="submissions",
        group=Group.SENDING,
        place=SUBMISSIONS,
        title="Send through port 465",
        stops="The same with encryption from the first byte. Newer mail programs "
        "choose it by themselves, and many printers and scanners know no other.",
        loses="Nothing on port 25. A program that cannot do TLS cannot use it.",
        risk=Risk.LOW,
        reply="554 5.7.1 <a@x.example>: Recipient address rejected: Access denied",
        signature=None,
    ),
    Control(
        key="auth_on_25",
        group=Group.SENDING,
        place=SignIn(),
        title="Let people sign in on port 25",
        stops="On, whoever guesses passwords may try on the port that every spam "
        "program knows. Off, port 25 is for other mail servers alone.",
        loses="Switched off, nobody who still sends through port 25 with a password "
        "can send any more, until their program is set to 587 or 465.",
        risk=Risk.HIGH,
        reply="503 5.5.1 Error: authentication not enabled",
        signature=None,
        recommended=False,
    ),
    Control(
        key="smtpd_tls_auth_only",
        group=Group.SENDING,
        place=Switch("smtpd_tls_auth_only"),
        title="No password without encryption",
        stops="Passwords that cross the network in the clear: AUTH is offered only "
        "once TLS is on, on every port.",
        loses="Mail from old devices that sign in without TLS. Where port 25 has no "
        "TLS, nobody can sign in there at all.",
        risk=Risk.MEDIUM,
        reply="538 5.7.11 Encryption required for requested authentication mechanism",
        signature=None,
    ),
    Control(
        key=SYSLOG_NAME,
        group=Group.SENDING,
        place=LogName(),
        title="Tell the ports apart in the log",
        stops="A service of 587 or 465 without a name of its own logs as port "
        "25 does, and nobody can tell who sends where.",
        loses="Nothing. A script that reads the log sees postfix/submission/smtpd "
        "where it saw postfix/smtpd.",
        risk=Risk.LOW,
        reply="postfix/submission/smtpd[…]: …",
        signature=None,
    ),
)
