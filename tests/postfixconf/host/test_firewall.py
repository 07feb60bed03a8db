"""Whether a firewall lets strangers in: real nftables, iptables and ufw in a network
of their own. firewalld wants D-Bus, so a stand-in speaks for it.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from postfixconf.host import commands
from postfixconf.host.readiness import firewalld, kernel
from postfixconf.host.readiness.check import Check, Level
from postfixconf.host.readiness.filtering import Way
from postfixconf.host.readiness.firewall import firewall, manager, open_port
from tests.support.apart import Stranger, apart, iptables, nft, own_ufw

OPEN, CLOSED, UNKNOWN = Way.OPEN, Way.CLOSED, Way.UNKNOWN
BASE = "type filter hook input priority 0; policy"
USUAL = """
    ct state vmap { established : accept, related : accept, invalid : drop }
    iif lo accept
    tcp flags & (fin|syn|rst|ack) != syn ct state new drop
    fib daddr type broadcast drop
    udp dport != 53 drop
    ip protocol icmp accept
    ct state new tcp dport 22 limit rate 3/second accept
"""

NFT = [
    ("", OPEN),
    (f"{BASE} accept;", OPEN),
    (f"{BASE} drop;", CLOSED),
    (f"{BASE} drop; {USUAL}", CLOSED),
    (f"{BASE} drop; {USUAL} tcp dport 587 accept", OPEN),
    (f'{BASE} drop; {USUAL} tcp dport 587 counter log prefix "x" accept', OPEN),
    (f"{BASE} drop; {USUAL} tcp dport 588 accept", CLOSED),
    (f"{BASE} drop; tcp dport {{ 25, 465, 587 }} accept", OPEN),
    (f"{BASE} drop; tcp dport 500-600 accept", OPEN),
    (f"{BASE} drop; tcp dport {{ 25, 500-600 }} accept", OPEN),
    (f"{BASE} drop; tcp dport @ports accept", OPEN),
    (f"{BASE} drop; tcp dport != 587 accept", CLOSED),
    (f"{BASE} drop; ct state new tcp dport 587 accept", OPEN),
    (f"{BASE} drop; ct state established,related tcp dport 587 accept", CLOSED),
    (f"{BASE} drop; udp dport 587 accept", CLOSED),
    (f"{BASE} drop; meta l4proto {{ tcp, udp }} th dport 587 accept", OPEN),
    (f"{BASE} drop; tcp dport vmap {{ 25 : accept, 587 : jump mail }}", OPEN),
    (f"{BASE} drop; tcp dport vmap {{ 25 : accept, 143 : jump mail }}", CLOSED),
    (f"{BASE} drop; tcp dport 587 jump mail", OPEN),
    (f"{BASE} drop; tcp dport 587 jump nothing", CLOSED),
    (f"{BASE} drop; goto nothing; accept", CLOSED),
    (f"{BASE} drop; ip saddr 10.0.0.0/8 tcp dport 587 accept", CLOSED),
    (f"{BASE} drop; ip saddr 198.51.100.7 tcp dport 587 accept", CLOSED),
    (f"{BASE} drop; ip saddr != 10.0.0.0/8 tcp dport 587 accept", OPEN),
    (f"{BASE} drop; ip saddr 80.0.0.0/5 tcp dport 587 accept", UNKNOWN),
    (f"{BASE} accept; ip saddr @banned drop", OPEN),
    (f"{BASE} accept; ip saddr @wide drop", UNKNOWN),
    (f"{BASE} accept; ip6 saddr != 2001:db8::/32 drop", OPEN),
    (f"{BASE} drop; iifname eth0 tcp dport 587 accept", OPEN),
    (f'{BASE} drop; iifname "eth*" tcp dport 587 accept', OPEN),
    (f"{BASE} drop; iifname eth1 tcp dport 587 accept", CLOSED),
    (f"{BASE} drop; iif != lo tcp dport 587 accept", OPEN),
    (f"{BASE} drop; tcp dport 587 limit rate 1/minute accept", UNKNOWN),
    (f"{BASE} drop; meta mark 7 tcp dport 587 accept", UNKNOWN),
    (f"{BASE} drop; tcp dport . ip saddr {{ 587 . 8.8.8.8 }} accept", UNKNOWN),
    (f"{BASE} accept; tcp dport 587 reject", CLOSED),
    (f"{BASE} accept; fib saddr . iif oif missing drop", OPEN),
    (f"{BASE} accept; meta pkttype {{ broadcast, multicast }} drop", OPEN),
]


@pytest.fixture(autouse=True)
def stranger() -> Iterator[Stranger]:
    """Whose connections are let in or not."""
    with apart() as met:
        yield met


def agrees(stranger: Stranger, way: Way) -> bool:
    """Whether a real connection fares as we say; where we say nothing, nothing can."""
    return way is UNKNOWN or stranger.reaches(587) is (way is OPEN)


@pytest.mark.parametrize(("rules", "expected"), NFT)
def test_a_ruleset_of_nftables(stranger: Stranger, rules: str, expected: Way) -> None:
    nft(
        "table inet filter {\n"
        "set ports { type inet_service; flags interval; elements = { 25, 580-590 } }\n"
        "set banned { type ipv4_addr; flags interval, timeout;\n"
        "  elements = { 8.8.8.8 timeout 1h, 9.9.0.0/16 } }\n"
        "set wide { type ipv4_addr; flags interval; elements = { 64.0.0.0/4 } }\n"
        "chain mail { tcp dport { 465, 587 } accept\n }\nchain nothing { return\n }\n"
        f"chain input {{ {rules}\n }}\n}}\n"
    )
    assert kernel.way(587, "ip") is expected
    assert agrees(stranger, expected)


def test_each_family_is_judged_for_itself() -> None:
    nft("table ip6 f {\nchain i { " + f"{BASE} drop;" + "\n }\n}\n")
    assert kernel.way(587, "ip") is OPEN
    assert kernel.way(587, "ip6") is CLOSED
    told = firewall("submission", 587, ("ip", "ip6"), "")
    assert told.level is Level.WARNING
    assert "keeps port 587 closed over IPv6" in told.sentence
    assert told.command == "nft insert rule ip6 f i tcp dport 587 accept"


def test_every_table_has_a_say() -> None:
    one = f"chain i {{ {BASE} accept; tcp dport 587 accept\n }}"
    two = "chain p { type filter hook prerouting priority -300; tcp dport 587 drop\n }"
    nft(f"table ip a {{\n{one}\n}}\n")
    assert kernel.way(587, "ip") is OPEN
    nft(f"table ip b {{\n{two}\n}}\n")
    assert kernel.way(587, "ip") is CLOSED


def test_a_port_that_is_sent_elsewhere_cannot_be_told() -> None:
    hook = "type nat hook prerouting priority -100;"
    nft(f"table ip n {{\nchain p {{ {hook} tcp dport 587 redirect to 7\n }}\n}}\n")
    assert kernel.way(587, "ip") is UNKNOWN
    assert kernel.way(465, "ip") is OPEN


IPTABLES = [
    ((), OPEN),
    (("-P INPUT DROP",), CLOSED),
    (("-P INPUT DROP", "-A INPUT -p tcp --dport 587 -j ACCEPT"), OPEN),
    (("-P INPUT DROP", "-A INPUT -p tcp --dport 500:600 -j ACCEPT"), OPEN),
    (("-P INPUT DROP", "-A INPUT -p udp --dport 587 -j ACCEPT"), CLOSED),
    (("-P INPUT DROP", "-A INPUT -p tcp ! --dport 587 -j ACCEPT"), CLOSED),
    (
        (
            "-P INPUT DROP",
            "-A INPUT -p tcp -m multiport --dports 25,587 -m conntrack "
            "--ctstate NEW -j ACCEPT",
        ),
        OPEN,
    ),
    (("-P INPUT DROP", "-A INPUT -i lo -j ACCEPT"), CLOSED),
    (("-P INPUT DROP", "-A INPUT -i eth0 -p tcp --dport 587 -j ACCEPT"), OPEN),
    (("-P INPUT DROP", "-A INPUT -i eth1 -p tcp --dport 587 -j ACCEPT"), CLOSED),
    (("-P INPUT DROP", "-A INPUT -s 10.0.0.0/8 -p tcp --dport 587 -j ACCEPT"), CLOSED),
    (("-P INPUT DROP", "-A INPUT -s 80.0.0.0/5 -p tcp --dport 587 -j ACCEPT"), UNKNOWN),
    (
        (
            "-P INPUT DROP",
            "-A INPUT -p tcp --dport 587 -m limit --limit 3/min -j ACCEPT",
        ),
        UNKNOWN,
    ),
    (
        (
            "-N f2b",
            "-A INPUT -p tcp -m multiport --dports 25,587 -j f2b",
            "-A f2b -s 203.0.113.9/32 -j REJECT",
            "-A f2b -j RETURN",
        ),
        OPEN,
    ),
    (("-N mail", "-A INPUT -g mail", "-A mail -p tcp --syn -j DROP"), CLOSED),
    (("-A INPUT -p tcp -m mark --mark 3 -j DROP",), UNKNOWN),
    (("-A INPUT -m socket -j DROP",), UNKNOWN),
]


@pytest.mark.parametrize("program", ["iptables-nft", "iptables-legacy"])
@pytest.mark.parametrize(("lines", "expected"), IPTABLES)
def test_rules_of_iptables(
    stranger: Stranger, program: str, lines: tuple[str, ...], expected: Way
) -> None:
    iptables(program, *lines)
    assert kernel.way(587, "ip") is expected
    assert agrees(stranger, expected)


def test_both_forms_of_iptables_and_nftables_together() -> None:
    iptables("iptables-nft", "-A INPUT -p tcp --dport 587 -j ACCEPT")
    iptables("iptables-legacy", "-A INPUT -p tcp --dport 587 -j DROP")
    assert kernel.way(587, "ip") is CLOSED
    assert kernel.way(465, "ip") is OPEN
    chain = f"chain input {{ {BASE} drop;\n }}"
    nft(f"table ip filter {{\n{chain}\n}}\n")  # a chain of another name in its table
    assert kernel.way(465, "ip") is CLOSED


def test_what_is_closed_has_the_command_that_opens_it() -> None:
    iptables("iptables-nft", "-P INPUT DROP")
    told = firewall("submissions", 465, ("ip",), "")
    assert told.level is Level.WARNING
    assert "keeps port 465 closed" in told.sentence
    subprocess.run(told.command.split(), check=True, timeout=20)
    assert firewall("submissions", 465, ("ip",), "").level is Level.OK
    assert "cannot be seen from here" in told.remedy


def test_what_cannot_be_told_says_so() -> None:
    nft(f"table ip f {{\nchain i {{ {BASE} drop; meta mark 1 accept\n }}\n}}\n")
    told = firewall("submission", 587, ("ip",), "")
    assert told.level is Level.WARNING
    assert told.sentence.startswith("Cannot tell")
    assert "openssl s_client -starttls smtp" in told.remedy


def test_ufw_opens_a_port_for_good(stranger: Stranger) -> None:
    with own_ufw():
        assert manager() == ""
        ufw("--force", "enable")
        assert manager() == "ufw"
        told = firewall("submission", 587, ("ip",), "ufw")
        assert told.level is Level.WARNING, told
        assert not stranger.reaches(587)
        assert told.command == "ufw allow 587/tcp"
        open_port(587, "ufw")
        assert (
            "(ufw) lets port 587 in"
            in firewall("submission", 587, ("ip",), "ufw").sentence
        )
        assert firewall("submissions", 465, ("ip",), "ufw").level is Level.WARNING
        ufw("reload")
        assert firewall("submission", 587, ("ip", "ip6"), "ufw").level is Level.OK
        ufw("insert", "1", "deny", "from", "203.0.113.9")
        assert firewall("submission", 587, ("ip",), "ufw").level is Level.OK
        ufw("deny", "587/tcp")
        assert firewall("submission", 587, ("ip",), "ufw").level is Level.WARNING


def ufw(*words: str) -> None:
    """The real one."""
    subprocess.run(["ufw", *words], check=True, timeout=60, capture_output=True)


FIREWALL_CMD = r"""#!/bin/sh
# Stands in for firewall-cmd: keeps one zone in two files.
cd "$(dirname "$0")"
for word; do
    case $word in
    --state) echo running; exit 0 ;;
    --get-active-zones)
        printf 'home\n  interfaces: wlan0\npublic (default)\n  interfaces: eth0\n' ;;
    --get-default-zone) echo public ;;
    --info-service=*) printf 'mine\n  ports: 465/tcp 2465/tcp\n' ;;
    --add-port=*) echo "$*" >>asked; echo "$(cat ports) ${word#--add-port=}" >ports ;;
    --list-all)
        printf 'public (active)\n  target: %s\n  interfaces: eth0\n' "$(cat target)"
        printf '  services: %s\n  ports: %s\n' "$(cat services)" "$(cat ports)"
        printf '  forward-ports: \n  rich rules: \n%s\n' "$(cat rich)" ;;
    esac
done
"""


@pytest.fixture
def zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files behind a firewall-cmd of our own."""
    program = tmp_path / "firewall-cmd"
    program.write_text(FIREWALL_CMD)
    program.chmod(0o755)
    held = {"target": "default", "services": "ssh", "ports": "", "rich": ""}
    for name, text in held.items():
        (tmp_path / name).write_text(text)
    path = f"{tmp_path}:{commands.PATH}"
    monkeypatch.setattr(commands, "PATH", path)
    monkeypatch.setattr(kernel, "PATH", path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("ports", "25/tcp", CLOSED),
        ("ports", "587/udp", CLOSED),
        ("ports", "25/tcp 500-600/tcp", OPEN),
        ("services", "ssh smtp-submission", OPEN),
        ("target", "ACCEPT", OPEN),
        ("rich", '\trule family="ipv4" source address="10.0.0.9" reject', CLOSED),
        ("rich", '\trule port port="587" protocol="tcp" accept', UNKNOWN),
        ("rich", '\trule family="ipv6" port port="587" protocol="tcp" drop', CLOSED),
        ("rich", '\trule source address="64.0.0.0/4" drop', UNKNOWN),
    ],
)
def test_a_zone_of_firewalld(zone: Path, name: str, text: str, expected: Way) -> None:
    (zone / name).write_text(text)
    assert firewalld.way(587, "ip") is expected


def test_firewalld_opens_a_port_now_and_for_good(zone: Path) -> None:
    assert manager() == "firewalld"
    told = firewall("submission", 587, ("ip",), "firewalld")
    assert told.level is Level.WARNING
    assert told.command == (
        "firewall-cmd --zone=public --add-port=587/tcp && "
        "firewall-cmd --zone=public --add-port=587/tcp --permanent"
    )
    open_port(587, "firewalld")
    asked = (zone / "asked").read_text().splitlines()
    assert asked == [
        "--zone=public --add-port=587/tcp",
        "--zone=public --add-port=587/tcp --permanent",
    ]
    assert firewall("submission", 587, ("ip",), "firewalld").level is Level.OK


def test_a_service_of_ones_own_is_looked_up(zone: Path) -> None:
    (zone / "services").write_text("mine")
    assert firewalld.way(465, "ip") is OPEN
    assert firewalld.way(587, "ip") is CLOSED


def test_firewalld_is_not_believed_against_the_kernel(zone: Path) -> None:
    (zone / "ports").write_text("587/tcp")
    nft(f"table ip f {{\nchain i {{ {BASE} drop;\n }}\n}}\n")
    assert unsure(firewall("submission", 587, ("ip",), "firewalld"))


def test_answers_that_are_not_known_are_no_open(zone: Path) -> None:
    (zone / "firewall-cmd").write_text("#!/bin/sh\necho running\n")
    assert unsure(firewall("submission", 587, ("ip",), "firewalld"))


def unsure(check: Check) -> bool:
    """Whether it says that it cannot tell."""
    return check.sentence.startswith("Cannot tell")


def test_without_nft_an_open_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nft(f"table ip f {{\nchain i {{ {BASE} drop;\n }}\n}}\n")
    for name in ("iptables-nft-save", "iptables-legacy-save"):
        (tmp_path / name).symlink_to(f"/usr/sbin/{name}")
    monkeypatch.setattr(commands, "PATH", str(tmp_path))
    monkeypatch.setattr(kernel, "PATH", str(tmp_path))
    told = firewall("submission", 587, ("ip",), "")
    assert unsure(told)
    assert "nft is not installed" in told.sentence
