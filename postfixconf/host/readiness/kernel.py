"""What the kernel does with a stranger's packet: nftables, and iptables in both forms.

Nothing is changed. Rules of iptables-nft stand in nftables too, but nft cannot name
all of what they ask: those chains are read from iptables-nft-save.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from shutil import which

from postfixconf.errors import CommandFailed, HostError
from postfixconf.host.commands import PATH, run
from postfixconf.host.readiness import iptables, nft
from postfixconf.host.readiness.filtering import Chain, Packet, Way, way_through

__all__ = ["SLOW", "input_chain", "outer", "there", "way"]

SLOW = 15.0  # seconds for one command
FORMS = {
    "ip": ("iptables-nft-save", "iptables-legacy-save", "iptables-save"),
    "ip6": ("ip6tables-nft-save", "ip6tables-legacy-save", "ip6tables-save"),
}
# What a program says of a kernel that has no rules of its form.
ABSENT = ("does not exist", "not supported", "No such file", "Protocol not available")


def there(program: str) -> bool:
    """Whether a program is installed."""
    return which(program, path=PATH) is not None


def way(port: int, family: str) -> Way:
    """The way of a stranger to a port. Raises HostError, ValueError."""
    packet = Packet(port, family, outer(family))
    seen: list[Mapping[str, Chain]] = []
    spoken: dict[tuple[str, str], Mapping[str, Chain]] = {}
    for program in programs(family):
        for name, chains in iptables.tables(saved(program), packet).items():
            seen.append(chains)
            spoken[family, name] = chains
    if there("nft"):
        text = run("nft", "-j", "list", "ruleset", timeout=SLOW).out
        for table, chains in nft.tables(text, packet).items():
            seen.append(unspoken(chains, spoken.get(table, {})))
    found = way_through(seen)
    if found is Way.OPEN and not there("nft"):
        # Others than iptables may have put rules there, and would not be seen.
        raise HostError("nft is not installed: apt-get install nftables")
    return found


def unspoken(
    chains: Mapping[str, Chain], spoken: Mapping[str, Chain]
) -> dict[str, Chain]:
    """The chains of nftables without the base chains that iptables has told of."""
    known = [name for name, chain in spoken.items() if chain.policy is not None]
    return {
        name: replace(chain, policy=None) if name in known else chain
        for name, chain in chains.items()
    }


def programs(family: str) -> list[str]:
    """What prints the rules of iptables here: each form, or the only one."""
    *forms, plain = FORMS[family]
    found = [each for each in forms if there(each)]
    return found or ([plain] if there(plain) else [])


def saved(program: str) -> str:
    """What a program prints: nothing where the kernel lacks its form.

    Raises CommandFailed.
    """
    done = run(program, check=False, timeout=SLOW)
    if done.code != 0 and not any(each in done.err for each in ABSENT):
        raise CommandFailed(program, f"exit {done.code}", done.err.strip()[:300])
    return done.out


def outer(family: str) -> str:
    """The interface towards the internet: that of the default route; empty for none."""
    with suppress(OSError, ValueError, IndexError):
        if family == "ip":
            lines = Path("/proc/thread-self/net/route").read_text().splitlines()[1:]
            routes = [(x[0], x[1] == x[7] == "0" * 8) for x in map(str.split, lines)]
        else:
            lines = Path("/proc/thread-self/net/ipv6_route").read_text().splitlines()
            routes = [(x[9], x[1] == "00") for x in map(str.split, lines)]
        return next((name for name, whole in routes if whole and name != "lo"), "")
    return ""


def input_chain() -> str:
    """The first chain of nftables that filters what comes in, and is not iptables'.

    As `family table chain`; empty where there is none.
    """
    try:
        text = run("nft", "list", "chains", timeout=SLOW).out
    except CommandFailed:
        return ""
    table = chain = ""
    for words in map(str.split, text.splitlines()):
        if words[:1] == ["table"]:
            table = " ".join(words[1:3])
        elif words[:1] == ["chain"]:
            chain = words[1]
        elif words[:4] == ["type", "filter", "hook", "input"] and chain != "INPUT":
            return f"{table} {chain}"
    return ""
