"""The proof after a change: the live server works, and does not relay.

Asks the private probe service as a stranger and as a trusted client, before and
after, and the ports that people send through (`duties`). It does not judge whether mail
is accepted: a policy may refuse it. It proves that Postfix answers for itself where it
did before, and that a stranger's mail to a stranger is refused. The service logs under
the name `postfix/mailguard`, by which its lines are left out of every count.
"""

from dataclasses import dataclass

from postfixconf.errors import CommandFailed, Unproven
from postfixconf.host import passwords
from postfixconf.host.conversation import NAME, Reply, ask, session
from postfixconf.host.duties import Fault, faults, lasting_faults
from postfixconf.host.instance import Instance
from postfixconf.policy.duties import Duty
from postfixconf.policy.probe_service import PROBE_SERVICE
from postfixconf.policy.probes import Probe

__all__ = ["Baseline", "baseline", "leave_old_smtpds", "prove"]

STRANGER = "192.0.2.66"  # TEST-NET-1: nobody's address (RFC 5737)
OUTSIDE = "probe@[192.0.2.1]"
DENIED = "Relay access denied"
LOCAL = ("mydestination", "virtual_mailbox_domains", "virtual_alias_domains")
SILENT = "cannot ask Dovecot for passwords"
FAULT_WAIT = 0.5  # seconds until a fault has reached the log


@dataclass(frozen=True)
class Baseline:
    """How the server was before: which questions it failed, what its log said.

    `broken` are the names of questions without a working answer; `mark` is the
    place in the log, `known` are the faults before it, `faults` those of its ports.
    """

    broken: frozenset[str]
    mark: int
    known: frozenset[str]
    faults: frozenset[Fault] = frozenset()


def questions(instance: Instance) -> dict[str, Probe]:
    """What is asked, by who asks.

    Addresses as literals need no DNS and pass the checks for full and existing
    names, so that the rules behind those are reached; the named ones go the way
    of ordinary mail.
    """
    literal = f"postmaster@[{own_address(instance)}]"
    local = f"postmaster@{local_domain(instance)}"
    helo = f"[{STRANGER}]"
    named = f"probe@{NAME}"
    return {
        "a stranger": Probe(STRANGER, helo, "", literal, NAME),
        "a stranger with a name": Probe(STRANGER, NAME, named, local, NAME),
        "a stranger who relays": Probe(STRANGER, helo, "", OUTSIDE, NAME),
        "a trusted client": Probe("127.0.0.1", NAME, "", local, "localhost"),
    }


def answers(instance: Instance, mark: int, known: frozenset[str]) -> dict[str, Reply]:
    """The reply to each question. Raises Unproven where smtpd is not there at all."""
    path = instance.queue_directory / "private" / PROBE_SERVICE

    def alarm() -> list[str]:
        return instance.log.alarms(mark, known)

    asked = questions(instance)
    replies = ask(path, list(asked.values()), alarm)
    return dict(zip(asked, replies, strict=True))


def baseline(instance: Instance, duties: tuple[Duty, ...] = ()) -> Baseline:
    """Ask before the change: a fault that is there already is not the change's."""
    mark, known = instance.log.mark(), instance.log.recent_alarms()
    try:
        replies = answers(instance, mark, known)
        broken = {who for who, reply in replies.items() if reply.broken}
    except Unproven:
        broken = set(questions(instance))

    def alarm() -> list[str]:
        return instance.log.alarms(mark, frozenset())

    faulty = faults(instance, duties, alarm, hurried=True)
    if faulty:  # what that had smtpd log is not the change's either
        instance.log.wait_for_remarks(mark, FAULT_WAIT)
    deaf = passwords.deaf(instance, [PROBE_SERVICE, *signing_in(duties)])
    if PROBE_SERVICE in deaf:
        broken = set(questions(instance))
    faulty |= {Fault(x, SILENT, why) for x, why in deaf.items() if x != PROBE_SERVICE}
    mark, known = instance.log.mark(), instance.log.recent_alarms()
    if deaf:
        known |= passwords.alarms(instance)
    return Baseline(frozenset(broken), mark, known, faulty)


def signing_in(duties: tuple[Duty, ...]) -> list[str]:
    """The services on which people sign in."""
    return [each.service for each in duties if each.signs_in]


def prove(instance: Instance, before: Baseline, duties: tuple[Duty, ...] = ()) -> str:
    """Ask after the change; what was seen, in one sentence.

    Raises Unproven with the reason, from the reply and from the log, where a
    question that had a working answer before has none, a stranger can relay, or one
    of its `duties` does not do what it is there for.
    """
    said = [prove_duties(instance, before, duties)] if duties else []
    return "; ".join([prove_probes(instance, before), *said])


def prove_duties(instance: Instance, before: Baseline, duties: tuple[Duty, ...]) -> str:
    """Ask the ports; what was seen. Raises Unproven.

    One that was faulty before is not asked again: nothing would follow from it.
    """
    faulty = {each.service for each in before.faults}
    asked = tuple(each for each in duties if each.new or each.service not in faulty)

    def alarm() -> list[str]:
        return instance.log.alarms(before.mark, before.known)

    if found := lasting_faults(instance, asked, alarm):
        cause = "; ".join(sorted(map(str, found)))
        raise Unproven(explained(cause, instance, before))
    said = sorted(f"{each}, as before the change" for each in before.faults)
    if asked:
        names = ", ".join(each.service for each in asked)
        said = [f"as a mail program, at {names}: all as it should be", *said]
    return "; ".join(said)


def prove_probes(instance: Instance, before: Baseline) -> str:
    """Ask the private probe service. Raises Unproven."""
    try:
        replies = answers(instance, before.mark, before.known)
    except Unproven as cause:
        if before.broken:
            return f"as before the change, Postfix does not answer: {cause}"
        raise Unproven(explained(str(cause), instance, before)) from cause
    for who, reply in replies.items():
        if reply.broken and who not in before.broken:
            raise Unproven(explained(f"{who} gets “{reply}”", instance, before))
    relayed = replies["a stranger who relays"]
    if relayed.code < 300:
        raise Unproven(f"open relay: a stranger's mail to {OUTSIDE} is accepted")
    if alarms := instance.log.alarms(before.mark, before.known):
        raise Unproven("; ".join(alarms))
    said = [f"{who}: {reply}" for who, reply in replies.items()]
    if DENIED not in relayed.text:
        said.append("relaying was refused for another reason than relaying")
    return "; ".join(said)


def explained(cause: str, instance: Instance, before: Baseline) -> str:
    """The cause and what the log says of it, nothing twice."""
    said = instance.log.wait_for_remarks(before.mark, FAULT_WAIT)
    return "; ".join([cause, *(each for each in said if each not in cause)])


def own_address(instance: Instance) -> str:
    """An address that Postfix takes for its own: mail to it is local."""
    interfaces = instance.values("inet_interfaces")["inet_interfaces"]
    for word in interfaces.replace(",", " ").split():
        if word.replace(".", "").isdigit() and word.count(".") == 3:
            return word
    return "127.0.0.1"


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
    return instance.processes(PROBE_SERVICE)
