"""The tests' own tools: the namespace, the DNS, and the SMTP client.

All three in one file, past its usual length: they only make sense together.
"""

import errno
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest
from dns.flags import Flag
from dns.rcode import Rcode

from tests.support.dns import SERVFAIL, Dns, serving
from tests.support.namespace import enter
from tests.support.smtp import Client, Reply, attempt, smtp, xtext

ENTER = "from tests.support.namespace import enter\nenter()\n"


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a child, which resolves names with a resolver of its own."""
    return subprocess.run(
        [sys.executable, "-c", f"import os, socket\n{code}"],
        capture_output=True,
        cwd=Path(__file__).parents[2],
        text=True,
        timeout=30,
    )


def ask(name: str, rdtype: str, *, dnssec: bool = False) -> dns.message.Message:
    query = dns.message.make_query(name, rdtype, want_dnssec=dnssec)
    return dns.query.udp(query, "127.0.0.1", timeout=1)


def ask_tcp(name: str, rdtype: str) -> dns.message.Message:
    query = dns.message.make_query(name, rdtype)
    return dns.query.tcp(query, "127.0.0.1", timeout=1)


def records(response: dns.message.Message) -> list[str]:
    return [rdata.to_text() for rrset in response.answer for rdata in rrset]


# The namespace


def test_outside_is_unreachable() -> None:
    with pytest.raises(OSError) as refused:
        socket.create_connection(("192.0.2.1", 53), timeout=5)
    assert refused.value.errno == errno.ENETUNREACH


def test_every_loopback_address_is_ours() -> None:
    with socket.create_server(("127.0.0.10", 2525)) as server:
        source = ("127.0.0.66", 0)
        with socket.create_connection(("127.0.0.10", 2525), 5, source):
            connection, (address, _) = server.accept()
            connection.close()
    assert address == "127.0.0.66"


def test_a_process_with_its_own_namespace_listens_on_the_same_port() -> None:
    listen = "socket.create_server(('127.0.0.1', 2525)).close()"
    with socket.create_server(("127.0.0.1", 2525)):
        shared = run(listen)
        own = run(ENTER + listen)
    assert "Address already in use" in shared.stderr
    assert own.returncode == 0, own.stderr


def test_another_process_entering_changes_nothing_here() -> None:
    before = Path("/proc/self/mountinfo").read_text()
    entered = run(ENTER + "print(open('/proc/self/mountinfo').read())")
    assert entered.stdout.count("/etc/resolv.conf") == 2
    assert Path("/proc/self/mountinfo").read_text() == before


def test_entering_again_does_nothing() -> None:
    before = Path("/proc/self/ns/net").readlink()
    enter()
    assert Path("/proc/self/ns/net").readlink() == before


def test_entering_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    entered = run(ENTER + "import tempfile; print(tempfile.gettempdir())")
    assert entered.stdout.strip() == str(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_entering_wants_root_and_says_so() -> None:
    refused = run(ENTER.replace("enter()", "os.setuid(65534); enter()"))
    assert "only root may make one: run pytest as root." in refused.stderr


# The DNS, as the system's resolver sees it


def test_localhost_has_both_addresses() -> None:
    found = run("print({a[4][0] for a in socket.getaddrinfo('localhost', 25)})")
    assert "'127.0.0.1'" in found.stdout
    assert "'::1'" in found.stdout


def test_honest_client_is_confirmed_both_ways() -> None:
    found = run(
        "name = socket.gethostbyaddr('127.0.0.10')[0]\n"
        "print(name, socket.gethostbyname(name))"
    )
    assert found.stdout == "mx.good.example 127.0.0.10\n"


def test_liar_does_not_resolve_back() -> None:
    found = run(
        "name = socket.gethostbyaddr('127.0.0.20')[0]\n"
        "print(name, socket.gethostbyname(name))"
    )
    assert found.stdout == "liar.example 127.0.0.99\n"


@pytest.mark.parametrize(
    ("lookup", "error"),
    [
        ("socket.gethostbyaddr('127.0.0.66')", "Unknown host"),
        ("socket.gethostbyaddr('127.0.0.77')", "Host name lookup failure"),
        ("socket.getaddrinfo('norelay.invalid', 25)", "Name or service not known"),
        ("socket.getaddrinfo('nomail.example', 25)", "No address associated"),
        ("socket.getaddrinfo('servfail.example', 25)", "Temporary failure"),
        ("socket.getaddrinfo('silent.example', 25)", "Temporary failure"),
    ],
)
def test_system_resolver_says_what_went_wrong(lookup: str, error: str) -> None:
    assert error in run(lookup).stderr


# The DNS, packet by packet


@pytest.mark.parametrize(
    ("name", "rdtype", "answer"),
    [
        ("GOOD.example", "A", ["127.0.0.10"]),
        ("good.example", "MX", ["10 mx.good.example."]),
        ("nullmx.example", "MX", ["0 ."]),
        (f"1.{'0.' * 31}ip6.arpa", "PTR", ["localhost."]),
        ("2.0.0.127.zen.spamhaus.org", "A", ["127.0.0.2"]),
        ("2.0.0.127.zen.spamhaus.org", "TXT", ['"Listed, for testing"']),
        ("88.0.0.127.zen.spamhaus.org", "A", ["127.255.255.254"]),
    ],
)
def test_record_is_answered(name: str, rdtype: str, answer: list[str]) -> None:
    assert records(ask(name, rdtype)) == answer


@pytest.mark.parametrize(
    ("name", "rdtype", "rcode"),
    [
        ("nomail.example", "MX", Rcode.NOERROR),
        ("zen.spamhaus.org", "A", Rcode.NOERROR),
        ("norelay.invalid", "MX", Rcode.NXDOMAIN),
        ("66.0.0.127.in-addr.arpa", "PTR", Rcode.NXDOMAIN),
        ("66.0.0.127.zen.spamhaus.org", "A", Rcode.NXDOMAIN),
    ],
)
def test_nothing_to_answer_comes_with_an_soa(
    name: str, rdtype: str, rcode: Rcode
) -> None:
    response = ask(name, rdtype)
    assert response.rcode() == rcode
    assert response.answer == []
    assert [rrset.rdtype.name for rrset in response.authority] == ["SOA"]


def test_dnssec_query_is_answered_unsigned() -> None:
    response = ask("good.example", "A", dnssec=True)
    assert records(response) == ["127.0.0.10"]
    assert response.edns == 0
    assert not response.flags & Flag.AD


def test_long_answer_is_truncated_over_udp_and_whole_over_tcp(dns: Dns) -> None:
    texts = [f'"{number:0200}"' for number in range(9)]
    with dns.answering({("long.example", "TXT"): texts}):
        cut, whole = ask("long.example", "TXT"), ask_tcp("long.example", "TXT")
    assert cut.flags & Flag.TC
    assert sorted(records(whole)) == texts


def test_override_holds_inside_its_block_only(dns: Dns) -> None:
    with dns.answering({("good.example", "A"): SERVFAIL}):
        assert ask("good.example", "A").rcode() == Rcode.SERVFAIL
        assert ask("good.example", "MX").answer
    assert records(ask("good.example", "A")) == ["127.0.0.10"]


def test_queries_are_remembered(dns: Dns) -> None:
    ask("Queries.Are.Remembered", "AAAA")
    assert dns.queries[-1] == ("queries.are.remembered", "AAAA")


def test_record_with_a_typo_is_refused_at_once() -> None:
    with (
        pytest.raises(dns.exception.SyntaxError),
        serving({("good.example", "A"): ["127.0.0"]}, port=5353),
    ):
        pass


# The SMTP client


@contextmanager
def heard(replies: bytes) -> Iterator[tuple[Client, socket.socket]]:
    """A client to which the server has said all it will; and the server's end."""
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    with theirs, Client(ours) as client:
        theirs.sendall(replies)
        yield client, theirs


@contextmanager
def scripted(server: socket.socket, replies: bytes) -> Iterator[Future[bytes]]:
    """Say all the replies to the first client, then take what it sent to the end."""

    def serve() -> bytes:
        connection, _ = server.accept()
        with connection:
            connection.sendall(replies)
            return b"".join(iter(lambda: connection.recv(4096), b""))

    with server, ThreadPoolExecutor(1) as pool:
        yield pool.submit(serve)


@pytest.mark.parametrize(
    ("lines", "reply"),
    [
        (["250 mx"], Reply(250, None, "mx")),
        (["250"], Reply(250, None, "")),
        (["554 5.7.1 <a@b>: no"], Reply(554, "5.7.1", "<a@b>: no")),
        (["450-4.7.25 one", "450 4.7.25 two"], Reply(450, "4.7.25", "one\ntwo")),
        (["250-mx", "250 SIZE 9"], Reply(250, None, "mx\nSIZE 9")),
    ],
)
def test_reply_is_read(lines: list[str], reply: Reply) -> None:
    assert Reply.parse(lines) == reply


def test_xtext_encodes_what_is_not_plain() -> None:
    assert xtext("a+b=c é") == "a+2Bb+3Dc+20+C3+A9"


def test_xclient_names_attributes_in_capitals() -> None:
    with heard(b"220 mx\r\n220 mx again\r\n") as (client, server):
        assert client.xclient(addr="192.0.2.1", name="[UNAVAILABLE]").ok
        sent = server.recv(4096)
    assert sent == b"XCLIENT ADDR=192.0.2.1 NAME=[UNAVAILABLE]\r\n"


def test_message_is_dot_stuffed_and_ended() -> None:
    with heard(b"220 mx\r\n354 go\r\n250 2.0.0 queued\r\n") as (client, server):
        assert client.data(b".a\r\nb\n.c") == Reply(250, "2.0.0", "queued")
        sent = server.recv(4096)
    assert sent == b"DATA\r\n..a\r\nb\n..c\r\n.\r\n"


def test_refused_data_sends_no_message() -> None:
    with heard(b"220 mx\r\n503 5.5.1 need RCPT\r\n") as (client, server):
        assert client.data(b"secret\r\n").code == 503
        sent = server.recv(4096)
    assert sent == b"DATA\r\n"


def test_talking_before_the_banner_is_possible() -> None:
    with heard(b"220 mx\r\n250 one\r\n250 two\r\n") as (client, _):
        client.raw(b"HELO early\r\nRSET\r\n")
        replies = [client.banner(), client.read(), client.read()]
    assert [reply.text for reply in replies] == ["mx", "one", "two"]


def test_server_that_hangs_up_is_an_error() -> None:
    with heard(b"220 mx\r\n") as (client, server):
        server.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionError, match="hung up"):
            client.rset()


def test_attempt_returns_the_first_refusal() -> None:
    replies = b"220 mx\r\n250 mx\r\n550 5.1.8 bad sender\r\n221 bye\r\n"
    with scripted(socket.create_server(("127.0.0.1", 2525)), replies) as sent:
        reply = attempt("alice@norelay.invalid", "bob@practice.test")
    assert reply == Reply(550, "5.1.8", "bad sender")
    assert sent.result().splitlines() == [
        b"HELO client.example",
        b"MAIL FROM:<alice@norelay.invalid>",
        b"QUIT",
    ]


def test_unix_socket_is_a_server_too(tmp_path: Path) -> None:
    path = str(tmp_path / "smtp")
    server = socket.create_server(path, family=socket.AF_UNIX)
    with (
        scripted(server, b"220 mx\r\n250 mx\r\n221 bye\r\n") as sent,
        smtp(path, helo="local.example") as client,
    ):
        assert client.banner().text == "mx"
        client.quit()
    assert sent.result() == b"HELO local.example\r\nQUIT\r\n"
