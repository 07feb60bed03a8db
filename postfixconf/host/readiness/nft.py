"""PURE. What `nft -j list ruleset` prints, for one packet (filtering.py).

Read are the base chains at the hooks ingress, prerouting and input, of the families
inet, ip, ip6 and netdev. A match that is not known here is answered with MAYBE, a
statement that could end the packet's way and is not known ends with UNKNOWN.
libnftables-json(5) has the format.
"""

import json
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from postfixconf.host.readiness.filtering import Chain, Fit, Packet, Rule, Verb

__all__ = ["tables"]

HOOKS = ("ingress", "prerouting", "input")
ENDS = {
    "accept": Verb.ACCEPT,
    "drop": Verb.DROP,
    "reject": Verb.DROP,
    "return": Verb.RETURN,
    "continue": Verb.GO_ON,
}
# Statements after which the packet goes on as it came.
HARMLESS = ("counter", "log", "mangle", "ct helper", "set", "comment")
# What is known of the packet, by the words that ask for it.
KNOWN: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("meta", "l4proto"): ("tcp",),
    ("ip", "protocol"): ("tcp",),
    ("ip6", "nexthdr"): ("tcp",),
    ("meta", "pkttype"): ("host", "unicast"),
    ("ct", "direction"): ("original",),
    ("ct", "state"): ("new",),
    ("fib", "type"): ("local",),
}
OTHERS = ("udp", "udplite", "icmp", "icmpv6", "igmp", "sctp", "dccp", "esp", "ah")

Sets = Mapping[str, list[Any]]
Tables = dict[tuple[str, str], dict[str, Chain]]


def tables(text: str, packet: Packet) -> Tables:
    """The chains of each table that sees the packet, by the table's family and name.

    Raises ValueError where the text is not what nft prints.
    """
    try:
        items: list[dict[str, Any]] = json.loads(text)["nftables"]
        return read([each for each in items if sees(each, packet)], packet)
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as cause:
        raise ValueError(f"not what nft prints: {cause!r}") from cause


def sees(item: Mapping[str, Any], packet: Packet) -> bool:
    """Whether something stands in a table that sees the packet."""
    inner = next(iter(item.values()))
    return inner.get("family") in ("inet", "netdev", packet.family)


def read(items: list[dict[str, Any]], packet: Packet) -> Tables:
    """Every chain, with its rules for the packet."""
    sets: dict[tuple[str, str], dict[str, list[Any]]] = {}
    held: dict[tuple[str, str, str], list[Rule]] = {}
    for item in items:
        ((kind, told),) = item.items()
        if kind in ("set", "map"):
            named = sets.setdefault((told["family"], told["table"]), {})
            named[told["name"]] = told.get("elem", [])
    for item in items:
        ((kind, told),) = item.items()
        if kind == "rule":
            where = told["family"], told["table"]
            made = rules(told["expr"], packet, sets.get(where, {}))
            held.setdefault((*where, told["chain"]), []).extend(made)
    found: Tables = {}
    for chain in (item["chain"] for item in items if "chain" in item):
        where, name = (chain["family"], chain["table"]), chain["name"]
        whole = Chain(tuple(held.get((*where, name), ())), policy(chain, packet))
        found.setdefault(where, {})[name] = whole
    return found


def policy(chain: Mapping[str, Any], packet: Packet) -> Verb | None:
    """What a base chain that the packet comes to does in the end."""
    if chain.get("hook") not in HOOKS:
        return None
    if chain.get("hook") == "ingress" and packet.by(device(chain)) is Fit.NO:
        return None
    return ENDS.get(chain.get("policy", "accept"), Verb.UNKNOWN)


def device(chain: Mapping[str, Any]) -> str:
    """The interface of a chain at ingress; `*` where it has several."""
    name = chain.get("dev", "*")
    return name if isinstance(name, str) else "*"


def rules(expr: list[dict[str, Any]], packet: Packet, sets: Sets) -> list[Rule]:
    """One rule of nftables; a map of verdicts makes several."""
    fit = Fit.YES
    for statement in expr:
        ((kind, told),) = statement.items()
        if kind == "match":
            fit = Fit.all((fit, matched(told, packet, sets)))
        elif kind == "vmap":
            return mapped(told, fit, packet, sets)
        elif kind == "limit":
            fit = Fit.all((fit, Fit.MAYBE))
        elif kind in ENDS:
            return [Rule(fit, ENDS[kind])]
        elif kind in ("jump", "goto"):
            return [Rule(fit, Verb(kind), told["target"])]
        elif kind not in HARMLESS:
            return [Rule(fit, Verb.UNKNOWN)]
    return []


def mapped(told: Mapping[str, Any], fit: Fit, packet: Packet, sets: Sets) -> list[Rule]:
    """The verdicts of a map, each asked for what it stands for."""
    data = told["data"]
    pairs = sets.get(data[1:], []) if isinstance(data, str) else data["set"]
    made = []
    for key, verdict in pairs:
        asked = {"op": "==", "left": told["key"], "right": key}
        each = Fit.all((fit, matched(asked, packet, sets)))
        ((kind, where),) = verdict.items()
        verb = ENDS.get(kind) or Verb({"jump": "jump", "goto": "goto"}[kind])
        made.append(Rule(each, verb, where["target"] if where else ""))
    return made


def matched(told: Mapping[str, Any], packet: Packet, sets: Sets) -> Fit:
    """What one match says of the packet."""
    op, left, right = told["op"], told["left"], told["right"]
    if elsewhere(left, packet):
        return Fit.NO  # also where it is negated: the header is not there
    if op not in ("==", "!=", "in"):
        return Fit.MAYBE
    answer = answered(left, values(right, sets), packet)
    return ~answer if op == "!=" else answer


def elsewhere(left: Any, packet: Packet) -> bool:
    """Whether a match is about a header that the packet does not have."""
    protocol = left.get("payload", {}).get("protocol", "")
    absent = {"ip": "ip6", "ip6": "ip"}[packet.family]
    return protocol in (*OTHERS, absent)


def values(right: Any, sets: Sets) -> list[Any] | None:
    """The values on the right of a match; None for a set that is not known."""
    if isinstance(right, str) and right.startswith("@"):
        held = sets.get(right[1:])
        return None if held is None else [plain(each) for each in held]
    if isinstance(right, dict) and "set" in right:
        return [plain(each) for each in right["set"]]
    return [plain(each) for each in right] if isinstance(right, list) else [right]


def plain(element: Any) -> Any:
    """An element of a set without its time-out, counter and comment."""
    if isinstance(element, dict) and "elem" in element:
        return element["elem"]["val"]
    return element


def answered(left: Any, right: list[Any] | None, packet: Packet) -> Fit:
    """Whether what stands on the left is one of these values."""
    ((kind, what),) = left.items()
    if right is None:
        return Fit.MAYBE
    if kind == "&":
        return flags(what, right)
    if not isinstance(what, dict):  # several things at once
        return Fit.MAYBE
    if kind == "payload" and "protocol" in what:
        return payload(what["protocol"], what["field"], right, packet)
    name = str(what.get("key", what.get("result", "")))
    if kind == "fib" and "daddr" not in what.get("flags", ()):
        # Where a stranger's packet would be answered to: an honest one is.
        return Fit.of(right != [False]) if name in ("oif", "oifname") else Fit.MAYBE
    if name in ("iif", "iifname"):
        return Fit.any(by(each, packet) for each in right)
    if (kind, name) == ("meta", "nfproto"):
        return among(({"ip": "ipv4", "ip6": "ipv6"}[packet.family],), right)
    known = KNOWN.get((kind, name))
    return among(known, right) if known else Fit.MAYBE


def by(interface: Any, packet: Packet) -> Fit:
    """Whether the packet comes in by an interface; a number is one that is gone."""
    return packet.by(interface) if isinstance(interface, str) else Fit.MAYBE


def among(known: tuple[str, ...], right: list[Any]) -> Fit:
    """Whether what is known is one of these; numbers and ranges are not understood."""
    told = [each for each in right if isinstance(each, str)]
    if any(each in told for each in known):
        return Fit.YES
    return Fit.NO if told == right else Fit.MAYBE


def payload(protocol: str, field: str, right: list[Any], packet: Packet) -> Fit:
    """What a field of the packet's headers is."""
    if protocol in ("tcp", "th") and field == "dport":
        return Fit.any(holds(each, packet.port) for each in right)
    if field == "saddr":
        return Fit.any(source(each, packet) for each in right)
    if protocol == "tcp" and field == "flags":
        return Fit.of(right == ["syn"]) if len(right) == 1 else Fit.MAYBE
    known = KNOWN.get((protocol, field))
    return among(known, right) if known else Fit.MAYBE


def holds(value: Any, port: int) -> Fit:
    """Whether a number or a range holds the port."""
    if isinstance(value, dict) and "range" in value:
        first, last = value["range"]
        return Fit.of(first <= port <= last)
    return Fit.of(value == port) if isinstance(value, int) else Fit.MAYBE


def source(value: Any, packet: Packet) -> Fit:
    """Whether a stranger comes from an address, a network or a range of addresses."""
    if isinstance(value, str):
        return packet.from_network(value)
    if "prefix" in value:
        return packet.from_network(
            f"{value['prefix']['addr']}/{value['prefix']['len']}"
        )
    if "range" not in value:
        return Fit.MAYBE
    first, last = (ip_address(each) for each in value["range"])
    few = int(last) - int(first) < 1 << (first.max_prefixlen // 2)
    return Fit.NO if few and first.version == 4 else Fit.MAYBE


def flags(sides: list[Any], right: list[Any]) -> Fit:
    """`tcp flags & (fin | syn | …)`: the first packet of a connection has SYN alone."""
    asked, mask = sides
    names = [mask] if isinstance(mask, str) else mask
    if asked.get("payload", {}).get("field") != "flags" or not isinstance(names, list):
        return Fit.MAYBE
    masked = {"syn"}.intersection(names)
    if right == [0]:
        return Fit.of(not masked)
    known = all(isinstance(each, str) for each in right)
    return Fit.of(masked == set(right)) if known else Fit.MAYBE
