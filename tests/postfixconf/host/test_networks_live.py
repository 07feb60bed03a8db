"""Trusted networks on a real Postfix: who may relay, before and after."""

import subprocess
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

import pytest

from postfixconf.host.apply import Applied, Refused
from postfixconf.host.instance import Instance
from postfixconf.host.interfaces import interfaces
from postfixconf.policy.networks import Trusted, network_of
from postfixconf.policy.plan import plan
from postfixconf.policy.policy import Policy
from postfixconf.text.maincf import MainCf
from tests.support.dns import Dns
from tests.support.practice import Practice, configure, serving
from tests.support.smtp import attempt

STRANGER = "127.0.0.66"
SENDS = {"default_transport": "discard:"}
FIVE, SIX, OTHER = "2001:db8::5", "2001:db8::6", "2001:db8:0:1::5"


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    """A practice server that would send mail on."""
    with serving(settings=SENDS) as practice:
        yield practice


def go_live(server: Practice, networks: Mapping[str, bool]) -> None:
    """Bring these live, from the adopted files."""
    made = plan(Policy(networks=networks), server.adopted, server.observed())
    outcome = server.apply(made)
    assert isinstance(outcome, Applied), outcome


def relays(server: Practice, src: str = STRANGER) -> bool:
    """Whether a client may send to others."""
    reply = server.attempt("a@good.example", "victim@elsewhere.example", src=src)
    assert reply.ok or "Relay access denied" in reply.text, reply.text
    return reply.ok


def test_a_client_may_relay_once_its_network_is_trusted_and_no_longer(
    server: Practice,
) -> None:
    assert not relays(server)
    go_live(server, {"127.0.0.64/26": True})
    assert relays(server) and relays(server, "127.0.0.1")
    assert not relays(server, "127.0.0.63")
    go_live(server, {"127.0.0.64/26": False})
    assert not relays(server)
    assert server.observed().texts.main == server.adopted.main


def test_one_that_was_found_is_taken_out(server: Practice) -> None:
    go_live(server, {"127.0.0.1/32": False, "127.0.0.66/32": True})
    assert not relays(server, "127.0.0.1")
    assert relays(server)
    go_live(server, {})
    assert relays(server, "127.0.0.1")


@pytest.mark.parametrize(
    "network", ["0.0.0.0/0", "128.0.0.0/1", "192.0.0.0/8", "[::]/0", "[2000::]/3"]
)
def test_a_network_with_strangers_in_it_is_refused_untouched(
    server: Practice, network: str
) -> None:
    before = server.observed().texts
    made = plan(Policy(networks={network: True}), server.adopted, server.observed())
    assert isinstance(server.apply(made), Refused)
    assert server.observed().texts == before


@pytest.fixture(scope="module")
def six(dns: Dns) -> Iterator[Practice]:
    """The same with IPv6, on a machine that clients of two networks reach."""
    addresses = (FIVE, SIX, OTHER)
    for each in addresses:
        ip("addr", "add", f"{each}/128", "dev", "lo", "nodad")
    with serving(2526, {**SENDS, "inet_protocols": "all"}) as practice:
        yield practice
    for each in addresses:
        ip("addr", "del", f"{each}/128", "dev", "lo")


def ip(*words: str) -> None:
    """ip(8)."""
    subprocess.run(["ip", *words], check=True, timeout=10)


def relays_by_ipv6(server: Practice, src: str) -> bool:
    """Whether a client may send to others."""
    client = attempt(
        "a@good.example", "v@elsewhere.example", host="::1", port=server.port, src=src
    )
    assert client.ok or "Relay access denied" in client.text, client.text
    return client.ok


@pytest.mark.parametrize(
    ("entry", "trusted"),
    [
        ("[2001:db8::]/64", {FIVE, SIX}),
        ("[2001:db8::5]/128", {FIVE}),
        ("[2001:db8::6]/127", {SIX}),
        ("[2001:db8:0:1::]/64", {OTHER}),
    ],
)
def test_an_ipv6_network_may_relay_once_it_is_trusted_and_no_longer(
    six: Practice, entry: str, trusted: set[str]
) -> None:
    everybody = (FIVE, SIX, OTHER, "::1")
    assert not any(relays_by_ipv6(six, each) for each in everybody)
    go_live(six, {entry: True})
    assert {each for each in everybody if relays_by_ipv6(six, each)} == trusted
    assert relays(six, "127.0.0.1") and not relays(six)
    go_live(six, {entry: False})
    assert not any(relays_by_ipv6(six, each) for each in everybody)
    assert six.observed().texts.main == six.adopted.main


@pytest.mark.parametrize(
    "word",
    [
        "[2001:db8::5]",
        "[2001:db8::]/64",
        "[2001:db8::/64]",
        "[2001:DB8:0::0005]/128",
        "[2001:db8::5]/64",
        "[2001:db8::]/129",
        "[::]/0",
    ],
)
def test_an_ipv6_word_is_an_entry_where_postfix_reads_a_network(
    six: Practice, word: str
) -> None:
    configure(six.instance, {"mynetworks": f"127.0.0.1/32 {word}"})
    six.instance.restart()
    try:
        reply = attempt(
            "a@good.example", "v@else.example", host="::1", port=six.port, src=FIVE
        )
        network = network_of(word)
        assert reply.ok is (network is not None and ip_address(FIVE) in network)
    finally:
        configure(six.instance, {"mynetworks": "127.0.0.1/32"})
        six.instance.restart()


@pytest.mark.parametrize(
    "word",
    [
        "127.0.0.66",
        "127.0.0.64/26",
        "[127.0.0.66]",
        "[127.0.0.66/32]",
        "[127.0.0.64]/26",
        "127.0.0.64/026",
        "127.0.0.66/26",
        "127.0.0.0/255.0.0.0",
        "127/8",
        "0127.0.0.66",
        "127.0.0.66/33",
        "[127.0.0.64/26",
        "[::ffff:127.0.0.0]/104",
        "localhost",
    ],
)
def test_a_word_is_an_entry_where_postfix_reads_a_network(
    server: Practice, word: str
) -> None:
    configure(server.instance, {"mynetworks": f"127.0.0.1/32 {word}"})
    server.instance.restart()
    try:
        reply = server.attempt("a@good.example", "v@elsewhere.example", src=STRANGER)
        network = network_of(word)
        assert reply.ok is (network is not None and ip_address(STRANGER) in network)
    finally:
        configure(server.instance, {"mynetworks": "127.0.0.1/32"})
        server.instance.restart()


def test_behind_a_word_that_postfix_cannot_read_everybody_is_put_off(
    server: Practice,
) -> None:
    configure(server.instance, {"mynetworks": "127.0.0.1/32 127/8 127.0.0.66"})
    server.instance.restart()
    try:
        reply = server.attempt("a@good.example", "bob@practice.test", src="127.0.0.10")
        assert reply.code == 451
    finally:
        configure(server.instance, {"mynetworks": "127.0.0.1/32"})
        server.instance.restart()


@pytest.fixture
def lan() -> Iterator[None]:
    """This machine stands in a network of its own, too."""
    made = "link add lan0 type bridge", "addr add 192.168.77.5/24 dev lan0"
    for words in (*made, "addr add fd77::5/64 dev lan0", "link set lan0 up"):
        subprocess.run(["ip", *words.split()], check=True, timeout=10)
    yield
    subprocess.run(["ip", "link", "del", "lan0"], check=True, timeout=10)


def test_the_networks_of_this_machine_are_known(dns: Dns, lan: None) -> None:
    assert {("lan0", "192.168.77.0/24"), ("lan0", "[fd77::]/64")} <= {*interfaces()}


def without_networks(instance: Instance, style: str) -> None:
    """Leave it to mynetworks_style."""
    configure(instance, {"mynetworks_style": style, "inet_interfaces": "all"})
    path = instance.config_dir / "main.cf"
    path.write_text(MainCf.parse(path.read_text()).remove("mynetworks").render())


@pytest.mark.parametrize(
    ("style", "entries"),
    [
        ("host", ("127.0.0.1/32", "192.168.77.5/32")),
        ("subnet", ("127.0.0.0/8", "192.168.77.0/24")),
        ("class", ("127.0.0.0/8", "192.168.77.0/24")),
    ],
)
def test_what_a_style_trusts_is_told_and_taken_over_unchanged(
    practice: Practice, lan: None, style: str, entries: tuple[str, ...]
) -> None:
    without_networks(practice.instance, style)
    seen = practice.observed()
    main = MainCf.parse(f"mynetworks = {seen.around.styled}")
    found = Trusted.of(main).entries
    assert set(found) == set(entries)
    named = dict.fromkeys(found, True)
    made = plan(Policy(networks=named), seen.texts, seen)
    written = Trusted.of(MainCf.parse(made.after.main))
    assert set(written.entries) == set(found)
    assert plan(Policy(), seen.texts, seen).empty
