"""The networks that this machine stands in, as the kernel tells them.

Read from /proc, so that no program is run each time the server is looked at. Networks
behind a router are not known here.
"""

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Address, ip_network
from pathlib import Path

from postfixconf.policy.networks import spelled

__all__ = ["interfaces"]

ROUTES, ADDRESSES = Path("/proc/net/route"), Path("/proc/net/if_inet6")
DIRECT = "00000000"  # no gateway


def interfaces() -> Iterator[tuple[str, str]]:
    """(interface, network) of each that is reached without a gateway; not loopback.

    Link-local networks of IPv6 are on every interface and are left out.
    """
    for device, target, gateway, *rest in lines_of(ROUTES):
        mask = rest[4] if len(rest) > 4 else ""
        if gateway == DIRECT != mask and len(mask) == len(DIRECT):
            bits = int(mask, 16).bit_count()
            base = int.from_bytes(bytes.fromhex(target), "little")
            yield device, spelled(IPv4Network((base, bits)))
    for address, _, prefix, _, _, device in lines_of(ADDRESSES):
        found = IPv6Address(bytes.fromhex(address))
        if not found.is_loopback and not found.is_link_local:
            network = ip_network((int(found), int(prefix, 16)), strict=False)
            yield device, spelled(network)


def lines_of(path: Path) -> Iterator[list[str]]:
    """The fields of each line of a table of the kernel; none without the table."""
    with suppress(OSError):
        for line in path.read_text().splitlines():
            fields = line.split()
            if fields and fields[0] != "Iface":
                yield fields
