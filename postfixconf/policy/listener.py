"""The services of master.cf through which one's own people send, and their places.

587 (`submission`) begins in the clear and insists on STARTTLS, 465 (`submissions`,
formerly `smtps`) speaks TLS from the start (RFC 8314). A stock master.cf has both in
comments: those are uncommented with their overrides, and what they lack is added.
Switching off comments the service out. Services on other ports, re-injection behind a
content filter among them, are not looked at, but for one that calls itself
`postfix/submission` in the log: that is what makes it a submission service.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from postfixconf.errors import BadFile
from postfixconf.policy.observed import front_services
from postfixconf.text.checks import balanced
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.services import Service

__all__ = [
    "SASL",
    "SUBMISSION",
    "SUBMISSIONS",
    "SYSLOG_NAME",
    "WRAPPER",
    "Listener",
    "LogName",
    "SignIn",
    "nameless",
    "receiving",
    "submitting",
    "with_names",
]

SASL = "smtpd_sasl_auth_enable"
SYSLOG_NAME = "syslog_name"
SMTPD = "smtpd"
SIGNED_IN = "permit_sasl_authenticated,reject"
# What stands in a service that is written or uncommented here, where it has nothing
# of its own. Debian's stock services leave smtpd_data_restrictions to main.cf, whose
# reject_unauth_pipelining would refuse people whose program sends ahead.
USUAL: Mapping[str, str] = {
    "smtpd_reject_unlisted_recipient": "no",
    "smtpd_client_restrictions": "",
    "smtpd_helo_restrictions": "",
    "smtpd_sender_restrictions": "",
    "smtpd_relay_restrictions": SIGNED_IN,
    "smtpd_recipient_restrictions": SIGNED_IN,
    "smtpd_data_restrictions": SIGNED_IN,
    "milter_macro_daemon_name": "ORIGINATING",
}
# What it has to have, whatever stood there: nobody signs in without TLS.
FIRM: Mapping[str, str] = {
    "smtpd_tls_security_level": "encrypt",
    SASL: "yes",
    "smtpd_tls_auth_only": "yes",
}
WRAPPER = "smtpd_tls_wrappermode"
# Hangs up on who sends ahead, signed in or not (Postfix 3.5.23, 3.7.9 and later).
FORBID = "smtpd_forbid_unauth_pipelining"
HEAD = re.compile(r"#[ \t]*(?P<name>\S+)[ \t]+inet[ \t]+[yn-][ \t]+[yn-][ \t]")
OPTION = re.compile(r"#[ \t]+-o[ \t]")
PROSE = re.compile(r"#[ \t]")


@dataclass(frozen=True)
class Listener:
    """The place of one such service.

    `called` is what its log lines are called, after `postfix/`; `names` are the
    spellings of its port, the one for a new service first; `wrapped` says that it
    speaks TLS from the start.
    """

    called: str
    names: tuple[str, ...]
    wrapped: bool
    parameter: str = "master.cf"

    def services(self, master: MasterCf) -> tuple[Service, ...]:
        """The listeners on its port; where there are none, those called like it."""
        listeners = [each for each in counted(master) if each.type == "inet"]
        found = [each for each in listeners if port_of(each) in self.names]
        if not found:
            found = [x for x in listeners if x.command == SMTPD and self._is_called(x)]
        return tuple(found)

    def elsewhere(self, master: MasterCf) -> str | None:
        """What is on its port and cannot be switched; None where all can."""
        found = self.services(master)
        foreign = [x for x in found if x.command != SMTPD or ":" in x.name]
        if foreign:
            return f"{foreign[0].name} {foreign[0].command} in master.cf"
        if len(found) > 1:
            return f"{' and '.join(each.name for each in found)} in master.cf"
        return None

    def off(self, master: MasterCf) -> MasterCf:
        """The document with the service in comments."""
        for each in self.services(master):
            master = master.comment_out(each.name, each.type)
        return master

    def on(self, master: MasterCf, *, forbids: bool) -> MasterCf:
        """The document with the service, as it stood in comments or new.

        `forbids` says whether this Postfix knows smtpd_forbid_unauth_pipelining.
        """
        fronts = front_services(master)
        chroot = fronts[0].chroot if fronts else "n"
        made = self._uncommented(master, chroot)
        if made is None:
            line = f"{self.names[0]:<9} inet  n       -       {chroot:<7} -       -"
            made = master.add(f"{line}       smtpd")
            called = f"postfix/{self.called}"
            made = made.set_override(self.names[0], "inet", SYSLOG_NAME, called)
        (service,) = self.services(made)
        there = service.overrides()
        for name, value in self._wanted(forbids=forbids).items():
            firm = name in FIRM or name == WRAPPER
            if name not in there or (firm and there[name] != value):
                made = made.set_override(service.name, service.type, name, value)
        return made

    def _wanted(self, *, forbids: bool) -> dict[str, str]:
        """The overrides that the service has to have, or else gets."""
        wanted = {SYSLOG_NAME: f"postfix/{self.called}", **FIRM}
        if self.wrapped:
            wanted[WRAPPER] = "yes"
        if forbids:
            wanted[FORBID] = "no"
        return {**wanted, **USUAL}

    def _is_called(self, service: Service) -> bool:
        """Whether a service on a port of its own calls itself this in the log."""
        if port_of(service) in KNOWN:
            return False
        return service.overrides().get(SYSLOG_NAME) == f"postfix/{self.called}"

    def _uncommented(self, master: MasterCf, chroot: str) -> MasterCf | None:
        """The document with its commented service taken out of the comment."""
        before = counted(master)
        for text in uncommented(master.text, chroot):
            try:
                made = MasterCf.parse(text)
            except BadFile:
                continue
            new = [each for each in counted(made) if each not in before]
            rest = [each for each in counted(made) if each in before]
            plain = len(new) == 1 and new[0].command == SMTPD and ":" not in new[0].name
            if rest == before and plain and self.services(made) == tuple(new):
                return made
        return None


@dataclass(frozen=True)
class SignIn:
    """AUTH on port 25: main.cf's switch, or the override of the service there."""

    parameter: str = SASL

    def elsewhere(self, values: Mapping[str, str]) -> str | None:
        """The value that only a person can change; `values` by service."""
        for name, value in values.items():
            if "$" in value:
                return f"{self.parameter} = {value} of {name}"
        return None if values else "master.cf: nothing listens on port 25"


@dataclass(frozen=True)
class LogName:
    """The names of submission services in the log, where they have none of their own.

    Without one they log as port 25 does, and nobody can tell who sends where.
    """

    parameter: str = SYSLOG_NAME


SUBMISSION = Listener("submission", ("submission", "587"), wrapped=False)
SUBMISSIONS = Listener("submissions", ("465", "submissions", "smtps"), wrapped=True)
WAYS = (SUBMISSION, SUBMISSIONS)
KNOWN = frozenset({"smtp", "25", *(name for each in WAYS for name in each.names)})


def port_of(service: Service) -> str:
    """The port in the name of a listener, as it is written."""
    return service.name.rpartition(":")[2]


def counted(master: MasterCf) -> list[Service]:
    """The services of a document; of several with one name and type the last."""
    return [*{(each.name, each.type): each for each in master.services()}.values()]


def uncommented(text: str, chroot: str) -> Iterator[str]:
    """The text with one commented listener after the other taken out of the comment.

    Its chroot column becomes that of the service on port 25.
    """
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if not HEAD.match(line):
            continue
        made = [*lines]
        fields = re.split(r"([ \t]+)", line[1:].lstrip(" \t"))
        if len(fields) > 8:
            width = len(fields[8] + fields[9]) if len(fields) > 9 else 0
            gap = max(width - len(chroot), 1) if width else 0
            fields[8:10] = [chroot, " " * gap]
        made[at] = "".join(fields)
        for index in range(at + 1, len(lines)):
            if not PROSE.match(lines[index]) or HEAD.match(lines[index]):
                break
            if OPTION.match(lines[index]):
                made[index] = lines[index][1:]
        new = (one for one, other in zip(made, lines, strict=True) if one != other)
        if all(map(balanced, new)):  # a value over several lines is not understood
            yield "\n".join(made)


def submitting(master: MasterCf) -> list[tuple[str, Service]]:
    """The smtpd through which people send, each with its name for the log.

    A port with an address of its own counts.
    """
    return [
        (f"postfix/{way.called}", each)
        for way in WAYS
        for each in way.services(master)
        if each.command == SMTPD
    ]


def receiving(master: MasterCf) -> tuple[Service, ...]:
    """The smtpd through which other servers deliver, on whatever port.

    None where there are only those through which one's own people send.
    """
    sending = [service for _, service in submitting(master)]
    return tuple(each for each in front_services(master) if each not in sending)


def nameless(master: MasterCf) -> tuple[Service, ...]:
    """Those of them that log as port 25 does."""
    every = (each for _, each in submitting(master))
    return tuple(each for each in every if SYSLOG_NAME not in each.overrides())


def with_names(master: MasterCf) -> MasterCf:
    """The document in which each of them has a name of its own in the log."""
    for called, each in submitting(master):
        if SYSLOG_NAME not in each.overrides():
            master = master.set_override(each.name, each.type, SYSLOG_NAME, called)
    return master
