"""What people type into their mail programs is what is live on this server."""

import pytest
from django.test import Client

from mailguard.sending.client_settings import ADDRESS, EITHER, LOGIN, settings_of
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from tests.mailguard.test_sending_users import shown
from tests.support.facts import STOCK_MASTER, observed
from tests.support.usages import sent

PAGE = "/sending/settings/"
MAIN = "myhostname = mail.$mydomain\nmydomain = practice.test\n"
SIGNED = "  -o smtpd_sasl_auth_enable=yes\n"
SUBMISSION = (
    f"587 inet n - y - - smtpd\n{SIGNED}  -o smtpd_tls_security_level=encrypt\n"
)
SUBMISSIONS = f"smtps inet n - y - - smtpd\n{SIGNED}  -o smtpd_tls_wrappermode=yes\n"


@pytest.fixture
def server(db: None) -> Server:
    """A server that was seen with both ports live."""
    made = Server.objects.create(name="local", config_dir="/nowhere")
    servers.keep_observed(made, observed(MAIN, STOCK_MASTER + SUBMISSIONS + SUBMISSION))
    return made


def test_both_ports_are_told_with_the_server_and_its_encryption(
    server: Server, client: Client
) -> None:
    text = shown(client, PAGE)
    assert "Server mail.practice.test Port 587, encryption STARTTLS" in text
    assert "or port 465, encryption SSL/TLS" in text


def test_the_text_says_the_same(server: Server) -> None:
    settings = settings_of(server)
    assert settings
    assert settings.text.splitlines()[2:10] == [
        "Server: mail.practice.test",
        "Port: 587",
        "Encryption: STARTTLS",
        "",
        "or, if your program offers that:",
        "Port: 465",
        "Encryption: SSL/TLS",
        "Sign in: yes, with a normal password",
    ]


@pytest.mark.parametrize(
    "master",
    [
        "",
        SUBMISSION.replace(SIGNED, ""),
        SUBMISSION.replace("encrypt", "none"),
        "2525 inet n - y - - smtpd\n",
        SUBMISSION.replace("587", "127.0.0.1:587"),
    ],
)
def test_what_is_not_live_for_people_is_not_told(
    server: Server, client: Client, master: str
) -> None:
    servers.keep_observed(server, observed(MAIN, STOCK_MASTER + master))
    text = shown(client, PAGE)
    assert "neither port 587 nor 465 is live" in text
    assert "mail.practice.test" not in text


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        ("", EITHER),
        ("anna@practice.test bob@practice.test", ADDRESS),
        ("anna bob", LOGIN),
        ("anna bob@practice.test", EITHER),
        ("@practice.test @", ADDRESS),
    ],
)
def test_user_names_are_as_people_sign_in(
    server: Server, users: str, expected: str
) -> None:
    for each in users.split():
        sent(each, address=f"192.0.2.{len(each)}")
    settings = settings_of(server)
    assert settings
    assert settings.user == expected


def test_before_the_first_look_nothing_is_told(client: Client, db: None) -> None:
    assert "has not looked at the server yet" in shown(client, PAGE)
