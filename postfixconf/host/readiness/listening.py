"""Who listens on a port of this machine, from /proc; Postfix itself may.

Facts (proc(5)): the tables in /proc/net are those of our own network namespace, state
0A is LISTEN, and a socket's number stands behind the descriptors of who holds it, which
only root sees of others.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from postfixconf.errors import quoted
from postfixconf.host.readiness.check import Check, Level

__all__ = ["holders", "port"]

LISTEN = "0A"


def port(step: str, number: int, master: int | None) -> Check:
    """Whether Postfix has the port, or can have it; `master` is its process id."""
    sockets = set(listeners(number))
    if not sockets:
        sentence = f"Nobody listens on port {number}: it is free."
        return Check("port", Level.OK, sentence, steps=(step,))
    held = holders(sockets)
    if master is not None and master in held:
        sentence = f"Postfix itself listens on port {number}."
        return Check("port", Level.OK, sentence, steps=(step,))
    told = " and ".join(f"{quoted(name)[1:-1]} ({pid})" for pid, name in held.items())
    if any(name == "master" for name in held.values()):
        remedy = (
            "That looks like another Postfix. Take the service out of its master.cf."
        )
    else:
        remedy = f"Stop it, or have it listen elsewhere: Postfix needs port {number}."
    return Check(
        "port",
        Level.HINDRANCE,
        f"Port {number} is taken by {told or 'another program'}.",
        remedy,
        f"ss -ltnp sport = :{number}",
        (step,),
    )


def listeners(number: int) -> Iterator[str]:
    """The numbers of the sockets that listen on a port, on whatever address."""
    for table in ("tcp", "tcp6"):
        lines: list[str] = []
        with suppress(OSError):
            path = Path("/proc/thread-self/net", table)
            lines = path.read_text().splitlines()[1:]
        for fields in map(str.split, lines):
            here = int(fields[1].rpartition(":")[2], 16)
            if fields[3] == LISTEN and here == number:
                yield fields[9]


def holders(sockets: set[str]) -> dict[int, str]:
    """The processes that hold one of these sockets, by id, with their names."""
    wanted = {f"socket:[{each}]" for each in sockets}
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(link in wanted for link in links(process)):
                name = (process / "comm").read_text().strip()
                found[int(process.name)] = name
    return found


def links(process: Path) -> Iterator[str]:
    """What a process has open."""
    for each in (process / "fd").iterdir():
        with suppress(OSError):
            yield str(each.readlink())
