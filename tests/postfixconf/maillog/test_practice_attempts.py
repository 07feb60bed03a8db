"""Attempts as a real Postfix writes them, the recorder first in its list."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest

from postfixconf.maillog.attempt import Attempt, Key, Outcome
from postfixconf.maillog.clock import Clock
from postfixconf.maillog.intake import Intake
from postfixconf.maillog.records import Client
from tests.support.conversations import GOOD, SETTINGS, TO
from tests.support.dns import Dns
from tests.support.practice import Practice, serving
from tests.support.smtp import Client as Smtp
from tests.support.waiting import eventually

CAROL = "carol@practice.test"
EVE = "eve@practice.test"
RULES = (
    "check_reverse_client_hostname_access"
    " regexp:{{/^(.*)$$/ INFO mailguard reverse=$$1}},"
    "permit_mynetworks, reject_unauth_destination,"
    f"check_recipient_access inline:{{{{{EVE} = REJECT no eve}}}},"
    "warn_if_reject reject_non_fqdn_helo_hostname, reject_unknown_sender_domain"
)
DATA = "check_sender_access inline:{{late@good.example = REJECT too late}}"
HONEST = Client("mx.good.example", "127.0.0.10")
Told = Callable[..., dict[str | None, Attempt]]


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    """A practice server that records."""
    extra = {
        "smtpd_recipient_restrictions": RULES,
        "smtpd_data_restrictions": DATA,
        "smtpd_authorized_xclient_hosts": "127.0.0.1",
    }
    with serving(settings={**SETTINGS, **extra}) as practice:
        yield practice


@pytest.fixture
def told(server: Practice) -> Told:
    """The attempts of this test by recipient, as soon as they fit."""
    mark = server.instance.log.mark()

    def read(
        fits: Callable[[Attempt], bool], number: int = 1
    ) -> dict[str | None, Attempt]:
        found: dict[Key, Attempt] = {}

        def there() -> bool:
            found.clear()
            intake = Intake(Clock(datetime.now(UTC)))
            # A piece a line: what is handed out must be under one key throughout.
            for raw in server.log(mark).encode().splitlines():
                found.update({each.key: each for each in intake.feed(raw).attempts})
            return len(found) >= number and all(map(fits, found.values()))

        eventually(there)
        assert len(found) == number, found
        return {each.recipient: each for each in found.values()}

    return read


def delivered(attempt: Attempt) -> bool:
    return attempt.delivery is not None


def decided(attempt: Attempt) -> bool:
    return attempt.outcome is not Outcome.UNDECIDED


def honest(server: Practice) -> AbstractContextManager[Smtp]:
    """A client with a name."""
    return server.smtp(src="127.0.0.10", helo="mx.good.example")


def send(client: Smtp, sender: str, *recipients: str) -> bool:
    """One message; whether it was taken."""
    client.mail(sender)
    for each in recipients:
        client.rcpt(each)
    return client.data(b"Message-ID: <m@x>\r\n\r\nhello\r\n").ok


def test_an_accepted_message_has_its_whole_identity(
    server: Practice, told: Told
) -> None:
    with honest(server) as client:
        assert send(client, GOOD, TO)
        attempt = told(delivered)[TO]
    assert (attempt.client, attempt.helo) == (HONEST, "mx.good.example")
    assert attempt.reverse_name == "mx.good.example"
    assert (attempt.sender, attempt.outcome) == (GOOD, Outcome.ACCEPTED)
    assert (attempt.noted, attempt.warned) == ((), ())
    assert attempt.delivery and attempt.delivery.status == "sent"
    kinds = (b"info: RCPT", b": client=", b"status=sent")
    assert all(kind in raw for kind, raw in zip(kinds, attempt.raw, strict=True))


def test_an_accepted_recipient_is_told_before_its_message_comes(
    server: Practice, told: Told
) -> None:
    with honest(server) as client:
        client.mail(GOOD)
        assert client.rcpt(TO).ok
        attempt = told(decided)[TO]
    assert (attempt.outcome, attempt.delivery) == (Outcome.ACCEPTED, None)


def test_a_warning_stays_with_the_delivery(server: Practice, told: Told) -> None:
    with server.smtp(src="127.0.0.66", helo="laptop") as client:
        assert send(client, GOOD, TO)
        attempt = told(delivered)[TO]
    assert attempt.warned == ("reject_non_fqdn_helo_hostname",)
    assert (attempt.helo, attempt.reverse_name) == ("laptop", "unknown")


def test_a_refusal_is_joined_by_the_recorder(server: Practice, told: Told) -> None:
    with honest(server) as client:
        client.mail(GOOD)
        assert client.rcpt(EVE).code == 554
        attempt = told(decided)[EVE]
    assert (attempt.outcome, attempt.control) == (Outcome.REFUSED, "entries")
    assert (attempt.reverse_name, len(attempt.raw)) == ("mx.good.example", 2)


def test_a_4xx_is_put_off(server: Practice, told: Told) -> None:
    with honest(server) as client:
        client.mail("a@norelay.invalid")
        assert client.rcpt(TO).code == 450
        attempt = told(decided)[TO]
    assert attempt.outcome is Outcome.PUT_OFF
    assert attempt.control == "reject_unknown_sender_domain"


def test_one_of_two_recipients_is_refused(server: Practice, told: Told) -> None:
    with honest(server) as client:
        assert send(client, GOOD, TO, EVE, CAROL)
        attempts = told(lambda each: delivered(each) or each.recipient == EVE, 3)
    assert attempts[EVE].outcome is Outcome.REFUSED
    for each in (TO, CAROL):
        assert attempts[each].outcome is Outcome.ACCEPTED
        assert attempts[each].reverse_name == "mx.good.example"


def test_the_null_sender_is_known(server: Practice, told: Told) -> None:
    with honest(server) as client:
        assert send(client, "", TO)
        attempt = told(delivered)[TO]
    assert (attempt.sender, attempt.outcome) == ("", Outcome.ACCEPTED)
    assert attempt.reverse_name == "mx.good.example"


def test_a_refused_data_is_one_of_every_recipient(server: Practice, told: Told) -> None:
    with honest(server) as client:
        assert not send(client, "late@good.example", TO, CAROL)
        refused = (Outcome.REFUSED, "DATA")
        attempts = told(lambda each: (each.outcome, each.command) == refused, 2)
    assert {*attempts} == {TO, CAROL}


def test_two_messages_in_one_session_are_two_attempts(
    server: Practice, told: Told
) -> None:
    with honest(server) as client:
        assert send(client, GOOD, TO)
        assert send(client, GOOD, CAROL)
        attempts = told(delivered, 2)
    assert len({each.queue_id for each in attempts.values()}) == 2


def test_the_same_recipient_again_after_rset_is_another_attempt(
    server: Practice, told: Told
) -> None:
    with honest(server) as client:
        for _ in range(2):
            client.mail(GOOD)
            assert client.rcpt(TO).ok
            assert client.rset().ok
        told(decided, 2)


def test_a_recipient_in_capitals_is_the_same(server: Practice, told: Told) -> None:
    with honest(server) as client:
        assert send(client, GOOD, TO.upper())
        told(delivered, 1)


def test_pipelined_recipients_are_told_apart(server: Practice, told: Told) -> None:
    with honest(server) as client:
        commands = f"MAIL FROM:<{GOOD}>\r\n"
        commands += "".join(f"RCPT TO:<{each}>\r\n" for each in (TO, EVE, CAROL))
        client.raw(commands.encode())
        assert [client.read().code for _ in range(4)] == [250, 250, 554, 250]
        assert client.data(b"\r\nhello\r\n").ok
        attempts = told(lambda each: delivered(each) or each.recipient == EVE, 3)
    assert attempts[EVE].outcome is Outcome.REFUSED


def test_a_new_identity_is_another_client(server: Practice, told: Told) -> None:
    with server.smtp(src="127.0.0.1", helo="gate.good.example") as client:
        assert client.xclient(ADDR="192.0.2.9", NAME="other.example").code == 220
        client.ehlo("other.example")
        assert send(client, GOOD, TO)
        attempt = told(delivered)[TO]
    assert attempt.client == Client("other.example", "192.0.2.9")
    assert (attempt.helo, attempt.outcome) == ("other.example", Outcome.ACCEPTED)
