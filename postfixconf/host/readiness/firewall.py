"""Whether this machine's own firewall lets strangers in, and opening a port in it.

Judged is what the kernel has, whoever put it there; where firewalld runs, first what it
says itself. A firewall elsewhere (a router, a provider's) cannot be seen. “Cannot tell”
is an answer; a wrong “open” is none.

A closed port is a warning and no hindrance: a service that nobody reaches does no harm.
"""

from postfixconf.errors import HostError
from postfixconf.host.commands import run
from postfixconf.host.readiness import firewalld, kernel
from postfixconf.host.readiness.check import Check, Level
from postfixconf.host.readiness.filtering import Way

__all__ = ["FIREWALLD", "UFW", "firewall", "manager", "open_port"]

FIREWALLD, UFW = "firewalld", "ufw"
FAMILIES = {"ip": "IPv4", "ip6": "IPv6"}
BEYOND = (
    "A firewall in front of it (a router, your provider's) cannot be seen from here."
)
SLOW = 30.0  # seconds: ufw writes all its rules anew


def manager() -> str:
    """Who looks after the firewall: FIREWALLD, UFW, or empty for nobody we know.

    Raises HostError.
    """
    if kernel.there(firewalld.COMMAND) and firewalld.running():
        return FIREWALLD
    if (
        kernel.there("ufw")
        and "Status: active" in run("ufw", "status", check=False).out
    ):
        return UFW
    return ""


def firewall(step: str, port: int, families: tuple[str, ...], managed: str) -> Check:
    """What there is to say of a step's port.

    `families` (`ip`, `ip6`) are those that Postfix listens on.
    """
    try:
        ways = {family: way(port, family, managed) for family in families}
        opens = command(managed, port)
    except (HostError, ValueError) as cause:
        return unsure(
            step, port, f"its rules could not be read ({str(cause)[:300]})", ""
        )
    told = set(ways.values())
    if told == {Way.OPEN}:
        sentence = f"This machine's firewall{by(managed)} lets port {port} in. {BEYOND}"
        return Check("firewall", Level.OK, sentence, steps=(step,))
    if Way.UNKNOWN in told:
        why = "it depends on who asks, or on a rule that is not understood here"
        return unsure(step, port, why, opens)
    shut = [FAMILIES[each] for each, found in ways.items() if found is Way.CLOSED]
    over = "" if told == {Way.CLOSED} else f" over {' and '.join(shut)}"
    return Check(
        "firewall",
        Level.WARNING,
        f"This machine's firewall{by(managed)} keeps port {port} closed{over}.",
        f"Open it, or nobody outside gets that far.{lasting(managed)} {BEYOND}",
        opens,
        (step,),
    )


def by(managed: str) -> str:
    """Who looks after it, in words."""
    return f" ({managed})" if managed else ""


def lasting(managed: str) -> str:
    """What a command alone does not do where nobody we know manages the rules."""
    if managed:
        return ""
    return " Add the rule to where yours are kept too, or it goes with the next start."


def unsure(step: str, port: int, why: str, opens: str) -> Check:
    """Cannot tell."""
    how = "-starttls smtp " if step == "submission" else ""
    remedy = f"Try it from outside: openssl s_client {how}-connect NAME:{port}."
    return Check(
        "firewall",
        Level.WARNING,
        f"Cannot tell whether this machine's firewall lets port {port} in: {why}.",
        remedy + (" If it is closed, this opens it:" if opens else ""),
        opens,
        (step,),
    )


def way(port: int, family: str, managed: str) -> Way:
    """The way of a stranger to a port. Raises HostError, ValueError."""
    found = kernel.way(port, family)
    if managed != FIREWALLD:
        return found
    said = firewalld.way(port, family)
    return Way.UNKNOWN if said is Way.OPEN and found is Way.CLOSED else said


def command(managed: str, port: int) -> str:
    """What opens a port, to be typed as root. Raises HostError."""
    if managed == FIREWALLD:
        return firewalld.command(port)
    if managed == UFW:
        return f"ufw allow {port}/tcp"
    if kernel.there("nft") and (chain := kernel.input_chain()):
        return f"nft insert rule {chain} tcp dport {port} accept"
    return f"iptables -I INPUT -p tcp --dport {port} -j ACCEPT"


def open_port(port: int, managed: str) -> None:
    """Let everybody in on a port, for good, through who manages the firewall.

    Raises CommandFailed where that fails, HostError where nobody we know manages it.
    """
    if managed == FIREWALLD:
        firewalld.open_port(port)
    elif managed == UFW:
        run("ufw", "allow", f"{port}/tcp", timeout=SLOW)
    else:
        raise HostError("neither firewalld nor ufw runs here")
