"""People sign in on a real Postfix: its log tells who, on which port, how encrypted."""

import smtplib
import ssl
from collections.abc import Iterator

import pytest
from django.test import Client

from mailguard.changes import worker
from mailguard.sending.users import still_on_25
from mailguard.servers.models import Server
from mailguard.traffic import intake
from mailguard.traffic.models import Usage
from tests.support import sasl
from tests.support.https import certificates
from tests.support.practice import STRANGER, Practice, configure
from tests.support.starting import start
from tests.support.waiting import eventually

TRUSTS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TRUSTS.check_hostname, TRUSTS.verify_mode = False, ssl.CERT_NONE
MASTER = """\
2587 inet n - y - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
2465 inet n - y - - smtpd
  -o syslog_name=postfix/$service_name
  -o smtpd_tls_wrappermode=yes
"""


@pytest.fixture
def signing(practice: Practice, db: None) -> Iterator[Server]:
    """A server on which everybody can sign in; followed from now on."""
    room = certificates()
    tls = {
        "smtpd_tls_cert_file": str(room / "host.pem"),
        "smtpd_tls_key_file": str(room / "host.key"),
        "smtpd_tls_security_level": "may",
        "smtpd_tls_loglevel": "1",
    }
    configure(practice.instance, {**sasl.SETTINGS, **tls})
    with (practice.instance.config_dir / "master.cf").open("a") as file:
        file.write(MASTER)
    practice.instance.stop()
    start(practice.instance)
    made = Server.objects.create(
        name="local", config_dir=str(practice.instance.config_dir)
    )
    worker.tend(made)
    made.refresh_from_db()
    intake.follow(made)
    with sasl.serving():
        yield made


def send(user: str, port: int, *, encrypted: bool = True, times: int = 1) -> None:
    """Somebody signs in from afar and sends."""
    source = (STRANGER, 0)
    wrapped = port == 2465
    client = (
        smtplib.SMTP_SSL("127.0.0.1", port, source_address=source, context=TRUSTS)
        if wrapped
        else smtplib.SMTP("127.0.0.1", port, source_address=source)
    )
    with client:
        if encrypted and not wrapped:
            client.starttls(context=TRUSTS)
        client.login(user, "secret")
        for _ in range(times):
            to = [f"{name}@practice.test" for name in ("alice", "bob")]
            client.sendmail(f"{user}@practice.test", to, "Subject: x\r\n\r\nx\r\n")


def kept(server: Server) -> list[tuple[str, str, bool, int]]:
    """Port, user, whether encrypted, recipients: as the log told by now."""
    intake.follow(server)
    rows = Usage.objects.values_list("port", "user", "tls", "count")
    return sorted((port, user, bool(tls), count) for port, user, tls, count in rows)


def test_each_is_found_on_its_port_with_its_encryption(
    signing: Server, client: Client
) -> None:
    send("anna", 2525)
    send("dave", 2525, encrypted=False)
    send("bob", 2587, times=2)
    send("carol", 2465)
    expected = [
        ("2465", "carol", True, 2),
        ("2587", "bob", True, 4),
        ("25", "anna", True, 2),
        ("25", "dave", False, 2),
    ]
    eventually(lambda: kept(signing) == sorted(expected), 30)
    assert still_on_25(signing).sentence == (
        "2 users still send through port 2525: dave and anna."
    )
    text = client.get("/sending/users/").content.decode()
    assert "Port 2525, where other servers deliver" in text
    assert "TLSv1.3" in text
    text = client.get("/sending/settings/").content.decode()
    assert "mail.practice.test" in text
    assert "<strong>2465</strong>, encryption <strong>SSL/TLS</strong>" in text
