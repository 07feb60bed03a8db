"""The proof after a change: the live server works, and does not relay.

Asks as a stranger and as a trusted client. It does not judge whether mail is
accepted: a policy may refuse it. It proves that Postfix answers for itself,
and that a stranger's mail to a stranger is refused.
"""

from pathlib import Path

from postfixconf.errors import CommandFailed
from postfixconf.host.instance import Instance
from postfixconf.host.probe import NAME, Probe, Unproven, ask, session
from postfixconf.policy.plan import PROBE_SERVICE

__all__ = ["leave_old_smtpds", "prove"]

STRANGER = "192.0.2.66"  # TEST-NET-1: nobody's address (RFC 5737)
LOCAL = ("mydestination", "virtual_mailbox_domains", "virtual_alias_domains")
FAULT_WAIT = 0.5  # seconds until a fault has reached the log


def prove(instance: Instance, mark: int, known: set[str]) -> str:
    """Ask the live server; what was seen, in one sentence.

    `mark` is the place in the log when the change began, `known` are faults
    that were in the log before it. Raises Unproven with the reason.
    """
    path = instance.queue_directory / "private" / PROBE_SERVICE
    local = f"postmaster@{local_domain(instance)}"
    outside = f"probe@{NAME}"
    stranger = Probe(STRANGER, "", local, name=NAME, reverse_name=NAME)
    named = Probe(STRANGER, outside, local, name=NAME, reverse_name=NAME)
    relaying = Probe(STRANGER, "", outside, name=NAME, reverse_name=NAME)
    trusted = Probe("127.0.0.1", "", local, name="localhost", reverse_name="localhost")

    def alarm() -> list[str]:
        return [each for each in instance.log.faults(mark) if each not in known]

    asked = ("a stranger", "a stranger", "a trusted client", "a stranger")
    try:
        replies = ask(path, [stranger, relaying, trusted, named], alarm)
    except Unproven as cause:
        said = instance.log.wait_for_fault(mark, FAULT_WAIT)
        raise Unproven(joined(str(cause), said)) from cause
    for who, reply in zip(asked, replies, strict=True):
        if reply.broken:
            said = instance.log.wait_for_fault(mark, FAULT_WAIT)
            raise Unproven(joined(f"{who} gets “{reply}”", said))
    if replies[1].code < 300:
        raise Unproven(f"open relay: a stranger's mail to {outside} is accepted")
    if faults := alarm():
        raise Unproven("; ".join(faults))
    return f"stranger: {replies[0]}; relay: {replies[1]}; trusted: {replies[2]}"


def joined(cause: str, said: list[str]) -> str:
    """The cause and what the log says of it, nothing twice."""
    return "; ".join([cause, *(each for each in said if each not in cause)])


def local_domain(instance: Instance) -> str:
    """A domain this server takes mail for; its host name where none is plain."""
    values = instance.values(*LOCAL, "myhostname")
    for name in LOCAL:
        for word in values[name].replace(",", " ").split():
            if "." in word and not set(word) & set("/:$"):
                return word
    return values["myhostname"]


def leave_old_smtpds(instance: Instance, old: frozenset[int]) -> None:
    """Have the probe service's smtpd processes of before a reload finish.

    An idle smtpd of before may answer one more connection with the old rules
    (8 of 30, seen); after it, it ends. Raises CommandFailed if one stays.
    """
    path = instance.queue_directory / "private" / PROBE_SERVICE
    for _ in range(2 * len(old) + 1):
        if not old & probe_smtpds(instance):
            return
        with session(path) as conversation:
            conversation.command("QUIT")
    if old & probe_smtpds(instance):
        raise CommandFailed("postfix reload", "an smtpd of before is still answering")


def probe_smtpds(instance: Instance) -> frozenset[int]:
    """The process ids of this instance's probe service."""
    master = instance.master_pid()
    found = set()
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            words = (directory / "cmdline").read_bytes().split(b"\0")
            parent = (directory / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        ours = words[:3] == [b"smtpd", b"-n", PROBE_SERVICE.encode()]
        if ours and int(parent) == master:
            found.add(int(directory.name))
    return frozenset(found)
