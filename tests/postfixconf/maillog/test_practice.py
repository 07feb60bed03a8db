"""True lines: what a real Postfix wrote of what we really sent."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from postfixconf.maillog.attempt import Attempt, Key, Outcome
from postfixconf.maillog.attempts import Attempts
from postfixconf.maillog.attribution import attribute
from postfixconf.maillog.clock import Clock
from postfixconf.maillog.parse import read
from postfixconf.maillog.records import (
    Accepted,
    Client,
    Closed,
    Delivery,
    Queued,
    Seen,
    Unknown,
    Verdict,
)
from tests.support import sasl
from tests.support.conversations import GOOD, SETTINGS, TO
from tests.support.dns import Dns
from tests.support.practice import Practice, serving
from tests.support.smtp import smtp
from tests.support.waiting import eventually

ACTIONS = (
    "inline:{{warn@good.example = WARN look here},{info@good.example = INFO note this},"
    "{hold@good.example = HOLD},{drop@good.example = DISCARD},"
    "{filter@good.example = FILTER discard:x},{pre@good.example = PREPEND X-A: b},"
    "{to@good.example = REDIRECT bob@practice.test},"
    "{deny@good.example = REJECT no; way}}"
)
RULES = (
    "permit_mynetworks, reject_unauth_destination,"
    "check_reverse_client_hostname_access"
    " regexp:{{/^(.*)$$/ INFO mailguard reverse=$$1}},"
    f"check_sender_access {ACTIONS},"
    "warn_if_reject reject_unknown_reverse_client_hostname,"
    "warn_if_reject reject_non_fqdn_helo_hostname,"
    "reject_rbl_client zen.spamhaus.org=127.0.0.[2..11],"
    "reject_invalid_helo_hostname, reject_unknown_sender_domain"
)
T = TypeVar("T")
HONEST = Client("mx.good.example", "127.0.0.10")
NAMELESS = Client("unknown", "127.0.0.66")


@pytest.fixture(scope="module")
def server(dns: Dns) -> Iterator[Practice]:
    """A practice server with a rule of every sort."""
    extra = {"smtpd_recipient_restrictions": RULES, "smtpd_helo_required": "yes"}
    settings = {**SETTINGS, **sasl.SETTINGS, **extra}
    with sasl.serving(), serving(settings=settings) as practice:
        yield practice


class Watch:
    """The records that a conversation leaves."""

    def __init__(self, server: Practice) -> None:
        self.server = server
        self.mark = server.instance.log.mark()

    def seen(self) -> list[Seen]:
        clock = Clock(datetime.now(UTC))
        lines = self.server.log(self.mark).encode().split(b"\n")
        return [read(line, clock) for line in lines if line]

    def first(self, kind: type[T], fits: Callable[[T], bool] = lambda _: True) -> T:
        """The first record of a kind, as soon as it is there."""
        found: list[T] = []

        def there() -> bool:
            records = [each.record for each in self.seen()]
            found[:] = [r for r in records if isinstance(r, kind) and fits(r)]
            return bool(found)

        eventually(there)
        return found[0]

    def verdict(self, verb: str) -> Verdict:
        """The first verdict of a verb, but for the recorder's line."""
        return self.first(
            Verdict,
            lambda each: each.verb == verb and "mailguard reverse" not in each.text,
        )

    def attempts(self) -> list[Attempt]:
        """The last state of every attempt."""
        merged = Attempts()
        known: dict[Key, Attempt] = {}
        for each in self.seen():
            known |= {attempt.key: attempt for attempt in merged.feed(each)}
        known |= {attempt.key: attempt for attempt in merged.flush()}
        return [*known.values()]


@pytest.fixture
def watch(server: Practice) -> Watch:
    """Records from now on."""
    return Watch(server)


def honest(server: Practice, sender: str, to: str = TO) -> int:
    """The code of the reply to an honest client."""
    return server.attempt(sender, to, src="127.0.0.10", helo="mx.good.example").code


@pytest.mark.parametrize(
    ("verb", "reason"),
    [
        ("warn", "look here"),
        ("info", "note this"),
        ("hold", "Sender address triggers HOLD action"),
        ("discard", "Sender address triggers DISCARD action"),
        ("filter", "Sender address triggers FILTER discard:x"),
        ("redirect", "Sender address triggers REDIRECT bob@practice.test"),
    ],
)
def test_a_table_action_is_read_with_its_envelope(
    server: Practice, watch: Watch, verb: str, reason: str
) -> None:
    names = {"discard": "drop", "redirect": "to"}
    sender = f"{names.get(verb, verb)}@good.example"
    assert honest(server, sender) == 250
    seen = watch.verdict(verb)
    assert (seen.client, seen.sender, seen.recipient) == (HONEST, sender, TO)
    assert (seen.reason, seen.helo, seen.proto) == (reason, "mx.good.example", "SMTP")
    assert attribute(seen).key == "entries"


def test_an_entry_with_semicolons_in_its_text_is_read_whole(
    server: Practice, watch: Watch
) -> None:
    assert honest(server, "deny@good.example") == 554
    seen = watch.verdict("reject")
    assert (seen.code, seen.status) == (554, "5.7.1")
    assert seen.reason == "Sender address rejected: no; way"
    assert (seen.subject, seen.recipient) == ("deny@good.example", TO)


def test_a_blocklist_is_known_by_its_zone(server: Practice, watch: Watch) -> None:
    assert server.attempt(GOOD, TO, src="127.0.0.2").code == 554
    seen = watch.verdict("reject")
    assert seen.client == Client("unknown", "127.0.0.2")
    assert attribute(seen).key == "dnsbl:zen.spamhaus.org"
    assert (seen.sender, seen.recipient) == (GOOD, TO)


def test_warnings_and_the_queue_id_are_one_attempt(
    server: Practice, watch: Watch
) -> None:
    assert server.attempt(GOOD, TO, src="127.0.0.66", helo="laptop").ok
    watch.first(Closed, lambda each: each.how == "disconnect")
    [attempt] = watch.attempts()
    assert attempt.warned == (
        "reject_unknown_reverse_client_hostname",
        "reject_non_fqdn_helo_hostname",
    )
    assert (attempt.outcome, attempt.client) == (Outcome.ACCEPTED, NAMELESS)
    assert attempt.queue_id == watch.first(Accepted).queue_id
    assert (attempt.helo, attempt.noted) == ("laptop", ())
    assert attempt.reverse_name == "unknown"


def test_a_warning_and_a_refusal_are_one_attempt_put_off(
    server: Practice, watch: Watch
) -> None:
    reply = server.attempt("a@norelay.invalid", TO, src="127.0.0.66", helo="laptop")
    assert reply.code == 450
    watch.first(Closed, lambda each: each.how == "disconnect")
    [attempt] = watch.attempts()
    assert attempt.outcome is Outcome.PUT_OFF
    assert attempt.control == "reject_unknown_sender_domain"
    assert (attempt.sender, len(attempt.warned)) == ("a@norelay.invalid", 2)


def test_a_message_for_two_is_two_attempts_with_their_deliveries(
    server: Practice, watch: Watch
) -> None:
    with server.smtp(src="127.0.0.10", helo="mx.good.example") as client:
        client.mail(GOOD)
        assert client.rcpt(TO).ok
        assert client.rcpt("carol@practice.test").ok
        assert client.data(b"Message-ID: <m@x>\r\n\r\nhello\r\n").ok
        client.quit()
    watch.first(Delivery, lambda each: each.recipient == TO)
    watch.first(Delivery, lambda each: each.recipient == "carol@practice.test")
    attempts = {each.recipient: each for each in watch.attempts()}
    assert sorted(map(str, attempts)) == [TO, "carol@practice.test"]
    assert {each.message_id for each in attempts.values()} == {"<m@x>"}
    assert all(each.delivery and each.client for each in attempts.values())
    assert watch.first(Queued).nrcpt == 2


def test_a_sign_in_is_known_by_its_name(server: Practice, watch: Watch) -> None:
    token = base64.b64encode(b"\0alice\0secret").decode()
    with smtp(port=server.port, src="127.0.0.66", helo=None) as client:
        client.ehlo("laptop")
        assert client.command(f"AUTH PLAIN {token}").ok
        assert client.mail(GOOD).ok
        assert client.rcpt(TO).ok
    seen = watch.first(Accepted)
    assert (seen.sasl_method, seen.sasl_username) == ("PLAIN", "alice")
    closed = watch.first(Closed, lambda each: each.how == "disconnect")
    assert ("auth", 1, 1) in closed.counters


@pytest.mark.parametrize(
    "sender",
    [
        '"a> to=<victim@x> proto=ESMTP helo=<z"@norelay.invalid',
        '"a b>: Helo command rejected: Host not found; from=<x"@norelay.invalid',
        '"q>: Recipient address rejected: no; from=<q> to=<x"@norelay.invalid',
    ],
)
def test_a_sender_that_imitates_a_line_changes_nothing(
    server: Practice, watch: Watch, sender: str
) -> None:
    assert honest(server, sender) == 450
    seen = watch.verdict("reject")
    assert attribute(seen).key == "reject_unknown_sender_domain"
    assert (seen.sender, seen.recipient, seen.client) == (sender, TO, HONEST)
    assert seen.helo == "mx.good.example"


@pytest.mark.parametrize(
    "helo",
    [
        "x>: Sender address rejected: Access denied; from=<q@q> to=<w> helo=<y",
        "some@" + "t" * 900,
        "caf\u00e9@x; from=<a@b>",
    ],
)
def test_a_greeting_that_imitates_a_line_changes_nothing(
    server: Practice, watch: Watch, helo: str
) -> None:
    assert server.attempt(GOOD, TO, src="127.0.0.10", helo=helo).code == 501
    seen = watch.verdict("reject")
    assert (seen.sender, seen.recipient, seen.client) == (GOOD, TO, HONEST)
    assert attribute(seen).key == "reject_invalid_helo_hostname"


def test_nothing_that_was_logged_is_unknown(server: Practice) -> None:
    watch = Watch(server)
    watch.mark = 0
    assert [each for each in watch.seen() if isinstance(each.record, Unknown)] == []
