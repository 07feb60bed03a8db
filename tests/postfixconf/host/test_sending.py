"""587, 465 and AUTH on 25 on a real Postfix, whose passwords a real Dovecot checks."""

import base64
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from postfixconf.host import files, practice_dovecot
from postfixconf.host.apply import Applied, Refused, RolledBack
from postfixconf.host.duties import faults
from postfixconf.host.practice_dovecot import PASSWORD, PEOPLE
from postfixconf.policy.duties import Duty
from postfixconf.policy.probe_service import with_probe_service
from tests.support.practice import REHEARSED, Practice, configure, serving
from tests.support.waiting import eventually

PORT = 2525
P587, P465 = 2587, 2465
BOTH = {"submission": "on", "submissions": "on"}
USER = PEOPLE[0]
ELSEWHERE = "somebody@elsewhere.example"


@pytest.fixture(scope="module")
def server() -> Iterator[Practice]:
    """A practice server with Dovecot, on whose port 25 people sign in."""
    assert practice_dovecot.installed()
    # Postfix may not deliver to the outside: what is relayed stays in the queue.
    settings = {"smtpd_sasl_auth_enable": "yes", "default_transport": "hold"}
    with serving(PORT, settings | {"defer_transports": "hold"}) as practice:
        room = practice.instance.config_dir.parent
        practice_dovecot.start(room)
        try:
            yield practice
        finally:
            practice_dovecot.stop(room)


@pytest.fixture
def open_ports(server: Practice) -> Practice:
    """The same with both ports open."""
    assert isinstance(server.apply(BOTH), Applied)
    return server


def trusting() -> ssl.SSLContext:
    """TLS with a certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def submission() -> smtplib.SMTP:
    """Somebody on 587, greeted, still in the clear."""
    client = smtplib.SMTP("127.0.0.1", P587, "laptop.example", timeout=30)
    client.ehlo()
    return client


def encrypted() -> smtplib.SMTP:
    """The same under TLS."""
    client = submission()
    client.starttls(context=trusting())
    client.ehlo()
    return client


def submissions() -> smtplib.SMTP:
    """Somebody on 465."""
    client = smtplib.SMTP_SSL(
        "127.0.0.1", P465, "laptop.example", timeout=30, context=trusting()
    )
    client.ehlo()
    return client


def relays(client: smtplib.SMTP) -> int:
    """The code that mail to somewhere else gets."""
    client.mail(USER)
    return client.rcpt(ELSEWHERE)[0]


def plain(user: str, password: str) -> str:
    """The initial response of AUTH PLAIN."""
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def test_starttls_is_required_and_auth_waits_for_it(open_ports: Practice) -> None:
    with submission() as client:
        assert client.has_extn("starttls") and not client.has_extn("auth")
        assert client.docmd("MAIL", "FROM:<>")[0] == 530
    with encrypted() as client:
        assert client.has_extn("auth")


@pytest.mark.parametrize("way", [encrypted, submissions])
def test_only_who_signs_in_relays(open_ports: Practice, way: object) -> None:
    assert callable(way)
    with way() as client:
        assert relays(client) >= 500
        client.rset()
        client.login(USER, PASSWORD)
        assert relays(client) == 250
    with way() as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login(USER, "wrong")


def test_the_port_stands_in_the_log(open_ports: Practice) -> None:
    mark = open_ports.instance.log.mark()
    with submissions() as client:
        client.login(USER, PASSWORD)
        relays(client)
    eventually(lambda: "postfix/submissions/smtpd" in open_ports.log(mark))


@pytest.mark.parametrize("by_hand", ["", "reject_unauth_pipelining"])
def test_who_sends_ahead_is_not_refused(server: Practice, by_hand: str) -> None:
    assert isinstance(server.apply({}), Applied)
    before = server.instance.main()
    if by_hand:
        configure(server.instance, {"smtpd_data_restrictions": by_hand})
    main = server.instance.main().text
    edited = replace(server, adopted=replace(server.adopted, main=main))
    forbidding = ("reject_unauth_pipelining", "smtpd_forbid_unauth_pipelining")
    try:
        modes = BOTH | dict.fromkeys(forbidding, "on")
        assert isinstance(edited.apply(modes), Applied)
        assert b"queued" in sent_ahead()
        assert isinstance(edited.apply({}), Applied)
    finally:
        server.number = edited.number
        files.replace(before)


def sent_ahead() -> bytes:
    """What somebody gets who signs in and sends a whole message at once, unasked."""
    with (
        socket.create_connection(("127.0.0.1", P465), 30) as connected,
        trusting().wrap_socket(connected) as talk,
    ):
        talk.recv(1000)
        talk.sendall(b"EHLO old.example\r\n")
        time.sleep(0.2)
        talk.recv(4000)
        talk.sendall(f"AUTH PLAIN {plain(USER, PASSWORD)}\r\n".encode())
        assert talk.recv(1000).startswith(b"235")
        talk.sendall(
            f"MAIL FROM:<{USER}>\r\nRCPT TO:<bob@practice.test>\r\nDATA\r\n"
            "Subject: at once\r\n\r\nhello\r\n.\r\nQUIT\r\n".encode()
        )
        said = b""
        while read := talk.recv(4000):
            said += read
        return said


def test_auth_ends_on_25_and_goes_on_on_587(server: Practice) -> None:
    with smtplib.SMTP("127.0.0.1", PORT, timeout=30) as client:
        client.ehlo()
        assert client.has_extn("auth")
    assert isinstance(server.apply({**BOTH, "auth_on_25": "off"}), Applied)
    with smtplib.SMTP("127.0.0.1", PORT, timeout=30) as client:
        client.ehlo()
        assert not client.has_extn("auth")
    with encrypted() as client:
        client.login(USER, PASSWORD)


def test_auth_that_does_not_end_is_seen_and_goes_back(server: Practice) -> None:
    server.apply({})
    before = server.observed().texts
    made = server.plan({"auth_on_25": "off"})
    assert made.duties == (Duty(str(PORT), signs_in=False, new=True),)
    main = f"{before.main}# nothing else\n"
    still = replace(made, after=replace(made.after, main=main))
    outcome = server.apply(still)
    assert isinstance(outcome, RolledBack)
    assert f"the service {PORT} offers AUTH" in outcome.cause
    assert server.observed().texts == before


def test_what_was_wrong_before_forbids_no_other_change(server: Practice) -> None:
    assert isinstance(server.apply(BOTH), Applied)
    room = server.instance.config_dir.parent
    practice_dovecot.stop(room)
    server.instance.restart()
    try:
        both = BOTH | {"disable_vrfy_command": "on"}
        assert isinstance(server.apply(both), Applied)
    finally:
        practice_dovecot.start(room)


def test_each_fault_of_a_port_has_its_sentence(open_ports: Practice) -> None:
    wrong = (
        Duty(str(P587), signs_in=False),
        Duty(str(PORT)),
        Duty("2999"),
    )
    said = " / ".join(sorted(map(str, faults(open_ports.instance, wrong))))
    assert f"the service {P587} offers AUTH" in said
    assert f"the service {PORT} offers no STARTTLS" in said
    assert "the service 2999 does not answer" in said


def test_off_restores_master_cf_byte_for_byte(server: Practice) -> None:
    assert isinstance(server.apply({**BOTH, "auth_on_25": "off"}), Applied)
    off = {"submission": "off", "submissions": "off", "auth_on_25": "on"}
    assert isinstance(server.apply(off), Applied)
    texts = server.observed().texts
    assert texts.main == server.adopted.main
    assert texts.master == with_probe_service(server.adopted.master)
    with pytest.raises(OSError):
        submission()


def test_a_reload_is_enough(server: Practice) -> None:
    assert isinstance(server.apply(server.plan({}, reload=True)), Applied)
    made = server.plan({**BOTH, "auth_on_25": "off"}, reload=True)
    assert made.action == "reload"
    assert isinstance(server.apply(made), Applied)
    with encrypted() as client:
        client.login(USER, PASSWORD)


def test_a_taken_port_is_refused_with_nothing_changed(server: Practice) -> None:
    server.apply({})
    before = server.observed().texts
    with socket.create_server(("127.0.0.1", P465)):
        outcome = server.apply(BOTH)
    assert isinstance(outcome, Refused)
    assert "listens on port 2465" in outcome.cause
    assert "Nothing was changed" in outcome.cause
    assert server.observed().texts == before


def test_where_nobody_checks_passwords_it_goes_back(server: Practice) -> None:
    server.apply({})
    before = server.observed().texts
    room = server.instance.config_dir.parent
    practice_dovecot.stop(room)
    try:
        outcome = server.apply(server.plan(BOTH), demands=REHEARSED)
        assert isinstance(outcome, RolledBack), outcome
        assert "2587" in outcome.cause or "2465" in outcome.cause
        assert server.observed().texts == before
        with pytest.raises(OSError):
            submission()
    finally:
        practice_dovecot.start(room)


def test_a_certificate_that_does_not_work_goes_back(server: Practice) -> None:
    server.apply({})
    before = server.observed().texts
    path = server.instance.config_dir.parent / "tls" / "cert.pem"
    good = path.read_bytes()
    path.write_bytes(b"no certificate\n")
    try:
        outcome = server.apply(BOTH)
        assert isinstance(outcome, RolledBack), outcome
        assert "STARTTLS" in outcome.cause
        assert server.observed().texts == before
    finally:
        path.write_bytes(good)


def test_a_certificate_that_is_gone_is_refused_with_its_name(server: Practice) -> None:
    server.apply({})
    path = server.instance.config_dir.parent / "tls" / "cert.pem"
    gone = path.rename(path.with_name("away.pem"))
    try:
        outcome = server.apply(BOTH)
    finally:
        gone.rename(path)
    assert isinstance(outcome, Refused) and str(path) in outcome.cause
