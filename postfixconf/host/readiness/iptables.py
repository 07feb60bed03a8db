"""PURE. What `iptables-save` prints, for one packet (filtering.py).

Read are the chains INPUT and PREROUTING of every table. An option that is not known
here is answered with MAYBE, a target that is not known ends with UNKNOWN.
"""

import shlex
from collections.abc import Container, Iterator

from postfixconf.host.readiness.filtering import Chain, Fit, Packet, Rule, Verb

__all__ = ["tables"]

HOOKS = ("INPUT", "PREROUTING")
TARGETS = {
    "ACCEPT": Verb.ACCEPT,
    "DROP": Verb.DROP,
    "REJECT": Verb.DROP,
    "RETURN": Verb.RETURN,
    **dict.fromkeys(("LOG", "NFLOG", "ULOG", "MARK", "CONNMARK"), Verb.GO_ON),
    **dict.fromkeys(("SET", "TRACE", "TCPMSS", "CLASSIFY", "DSCP"), Verb.GO_ON),
}
# Options that say nothing about the packet.
SILENT = ("--comment", "--limit-burst")
# Modules that ask nothing without an option of theirs.
MODULES = (
    *("tcp", "udp", "multiport", "conntrack", "state", "comment", "addrtype"),
    *("icmp", "icmp6", "pkttype", "rpfilter"),
)
FLAGS = (
    *("--syn", "-f", "--invert", "--loose", "--validmark", "--accept-local"),
    "--limit-iface-in",
)
TWO_WORDS = ("--tcp-flags", "--match-set")
OTHERS = ("udp", "udplite", "icmp", "icmpv6", "ipv6-icmp", "esp", "ah", "gre", "sctp")


def tables(text: str, packet: Packet) -> dict[str, dict[str, Chain]]:
    """Each table's chains by its name. Raises ValueError for text of another form."""
    rules: dict[str, dict[str, list[Rule]]] = {}
    policies: dict[tuple[str, str], Verb] = {}
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
            chains = rules.setdefault(table, {})
        elif line.startswith(":"):
            name, policy, *_ = line[1:].split()
            chains[name] = []
            if name in HOOKS:
                policies[table, name] = TARGETS.get(policy, Verb.UNKNOWN)
        elif line.startswith("-A "):
            name, *words = shlex.split(line[3:])
            chains[name].append(rule(words, packet, chains))
    return {
        table: {
            name: Chain(tuple(held), policies.get((table, name)))
            for name, held in chains.items()
        }
        for table, chains in rules.items()
    }


def rule(words: list[str], packet: Packet, chains: Container[str]) -> Rule:
    """One rule, from the words that follow the name of its chain."""
    for short, verb in (("-j", Verb.JUMP), ("-g", Verb.GOTO)):
        if short in words:
            at = words.index(short)
            fit = Fit.all(answers(words[:at], packet))
            target = words[at + 1]
            known = TARGETS.get(target, Verb.UNKNOWN)
            return Rule(fit, verb, target) if target in chains else Rule(fit, known)
    return Rule(Fit.MAYBE, Verb.GO_ON)  # it counts


def answers(words: list[str], packet: Packet) -> Iterator[Fit]:
    """What each option says of the packet."""
    waiting = iter(words)
    honest = "rpfilter" in words  # a stranger's packet comes from where it says
    for word in waiting:
        negated = word == "!"
        option = next(waiting, "") if negated else word
        if option in FLAGS:
            answer = Fit.of(option == "--syn")
            if option == "--invert" and not honest:
                answer = Fit.MAYBE
            if option not in ("--syn", "-f", "--invert"):
                continue
        else:
            given = [next(waiting, "") for _ in range(1 + (option in TWO_WORDS))]
            if option in SILENT:
                continue
            answer = answered(option, given, packet)
        yield ~answer if negated else answer


def answered(option: str, given: list[str], packet: Packet) -> Fit:
    """What one option with its words says."""
    value = given[0]
    match option:
        case "-p" | "--protocol":
            return (
                Fit.MAYBE
                if value not in ("tcp", "all", *OTHERS)
                else Fit.of(value in ("tcp", "all"))
            )
        case "-m" | "--match":
            return Fit.YES if value in MODULES else Fit.MAYBE
        case "-s" | "--source":
            return packet.from_network(value)
        case "-i" | "--in-interface":
            return packet.by(value)
        case "--dport" | "--dports" | "--destination-port" | "--destination-ports":
            return Fit.of(any(in_range(packet.port, x) for x in value.split(",")))
        case "--ctstate" | "--state":
            return state(value.split(","))
        case "--dst-type":
            return Fit.of(value in ("LOCAL", "UNICAST"))
        case "--pkt-type":
            return Fit.of(value == "unicast")
        case "--tcp-flags":
            mask, wanted = (set(each.split(",")) for each in given)
            if "ALL" in mask:
                return Fit.of(wanted == {"SYN"})
            return Fit.of(mask & {"SYN"} == wanted - {"NONE"})
        case "--icmp-type" | "--icmpv6-type" | "--rt-type":
            return Fit.NO
    return Fit.MAYBE


def state(names: list[str]) -> Fit:
    """Whether a new connection is in one of these states."""
    if "NEW" in names:
        return Fit.YES
    known = {"ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "SNAT"}
    return Fit.NO if known.issuperset(names) else Fit.MAYBE


def in_range(port: int, text: str) -> bool:
    """Whether a port is in `587` or `500:600`. Raises ValueError."""
    first, colon, last = text.partition(":")
    if not colon:
        return port == int(first)
    return int(first or 0) <= port <= int(last or 65535)
