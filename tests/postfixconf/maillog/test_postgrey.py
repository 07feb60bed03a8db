"""True lines: what a real postgrey wrote when a real Postfix asked it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from postfixconf.maillog.attempts import Attempts
from postfixconf.maillog.clock import Clock
from postfixconf.maillog.parse import read
from postfixconf.maillog.records import Client, Greylisted, Known, Seen
from postfixconf.maillog.triplets import Triplets
from tests.support import postgrey
from tests.support.dns import Dns
from tests.support.postgrey import PORT, Postgrey
from tests.support.practice import Practice, serving
from tests.support.smtp import Reply
from tests.support.waiting import eventually

ASK = f"check_policy_service inet:127.0.0.1:{PORT}"
SETTINGS = {
    "inet_protocols": "all",
    "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
    "smtpd_restriction_classes": "learning",
    "learning": f"warn_if_reject {ASK}, permit_auth_destination",
    "smtpd_recipient_restrictions": (
        "permit_mynetworks, reject_unauth_destination,"
        f" check_sender_access inline:{{learn@good.example=learning}}, {ASK}"
    ),
}
DELAY = 2
TO = "bob@practice.test"


@dataclass
class Mail:
    """Postfix and postgrey, and what is said to them."""

    server: Practice
    postgrey: Postgrey

    def send(self, client: Client, sender: str, recipient: str = TO) -> Reply:
        """The reply to one RCPT of a client."""
        address = f"IPV6:{client.address}" if ":" in client.address else client.address
        with self.server.smtp() as smtp:
            smtp.xclient(ADDR=address, NAME=client.name)
            smtp.helo("client.example")
            smtp.mail(sender)
            return smtp.rcpt(recipient)

    def until(self, reason: str, client: Client, sender: str) -> Greylisted:
        """Send until postgrey gives this reason; its line."""
        for _ in range(50):
            before = len(self.lines(client))
            self.send(client, sender)
            eventually(lambda: len(self.lines(client)) > before)  # noqa: B023
            if (line := self.line(client)).reason == reason:
                return line
            time.sleep(0.1)
        raise AssertionError(f"never {reason}")

    def seen(self) -> list[Seen]:
        """Everything that postgrey has logged."""
        clock = Clock(datetime.now(UTC))
        return [read(line, clock) for line in self.postgrey.lines()]

    def lines(self, client: Client) -> list[Greylisted]:
        """What postgrey said of a client."""
        records = [each.record for each in self.seen()]
        return [
            each
            for each in records
            if isinstance(each, Greylisted) and each.client == client
        ]

    def line(self, client: Client) -> Greylisted:
        """The last of it."""
        eventually(lambda: bool(self.lines(client)))
        return self.lines(client)[-1]


@pytest.fixture(scope="module")
def mail(dns: Dns) -> Iterator[Mail]:
    """A practice server that asks a postgrey with a delay of two seconds."""
    options = (f"--delay={DELAY}", "--auto-whitelist-clients=1")
    clients = ["white.example", "192.0.9.8", "2001:db8:9::8"]
    lists = {"clients": clients, "recipients": ["carol@practice.test"]}
    with (
        postgrey.serving(*options, **lists) as daemon,
        serving(settings=SETTINGS) as it,
    ):
        yield Mail(it, daemon)


def test_a_new_triplet_is_read(mail: Mail) -> None:
    client = Client("mx.new.example", "192.0.2.1")
    reply = mail.send(client, "alice@new.example")
    assert (reply.code, "Greylisted" in reply.text) == (450, True)
    assert mail.line(client) == Greylisted(
        "greylist", "new", client, "alice@new.example", TO
    )


def test_a_retry_is_early_then_passes_then_is_known(mail: Mail) -> None:
    client, sender = Client("unknown", "192.0.3.2"), "alice@retry.example"
    early = mail.until("early-retry", client, sender)
    assert early == Greylisted("greylist", "early-retry", client, sender, TO, 1)
    passed = mail.until("triplet found", client, sender)
    assert passed[:5] == ("pass", "triplet found", client, sender, TO)
    assert (passed.seconds or 0) >= DELAY


def test_a_client_that_passed_is_let_in_by_itself(mail: Mail) -> None:
    client = Client("mx.awl.example", "192.0.4.3")
    mail.until("triplet found", client, "alice@awl.example")
    assert mail.send(client, "new@awl.example").ok
    eventually(lambda: mail.line(client).reason == "client AWL")
    assert mail.line(client) == Greylisted(
        "pass", "client AWL", client, "new@awl.example", TO
    )


def test_the_null_sender_is_read(mail: Mail) -> None:
    client = Client("mx.bounce.example", "192.0.5.4")
    mail.send(client, "")
    assert mail.line(client) == Greylisted("greylist", "new", client, "", TO)


def test_a_client_of_ipv6_is_read(mail: Mail) -> None:
    client = Client("mx.six.example", "2001:db8:1:2::7")
    mail.send(client, "alice@six.example")
    assert mail.line(client).client == client
    known = Triplets()
    known.feed(datetime.now(UTC), mail.line(client))
    assert [each.network for each in known.rows.values()] == ["2001:db8:1:2::/64"]


@pytest.mark.parametrize(
    "client",
    [
        Client("mx.white.example", "192.0.6.5"),
        Client("unknown", "192.0.9.8"),
        Client("unknown", "2001:db8:9::8"),
    ],
)
def test_a_client_on_the_whitelist_is_read(mail: Mail, client: Client) -> None:
    assert mail.send(client, "alice@white.example").ok
    assert mail.line(client) == Greylisted(
        "pass", "client whitelist", client, "alice@white.example", TO
    )


def test_a_whitelisted_recipient_is_read(mail: Mail) -> None:
    client = Client("mx.any.example", "192.0.7.6")
    assert mail.send(client, "alice@any.example", "carol@practice.test").ok
    assert mail.line(client) == Greylisted(
        *("pass", "recipient whitelist", client, "alice@any.example"),
        "carol@practice.test",
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("news-1234@tags.example", "NEWS-99@tags.example"),
        ("alice+7f3a@tags.example", "alice+b@tags.example"),
        ("prvs=0123456789=bob@tags.example", "bob@tags.example"),
    ],
)
def test_postgrey_takes_the_same_senders_for_one(
    mail: Mail, one: str, other: str
) -> None:
    client = Client("mx.tags.example", f"192.0.{100 + len(one)}.1")
    mail.send(client, one)
    mail.until("early-retry", client, other)
    known = Triplets()
    for line in mail.lines(client):
        known.feed(datetime.now(UTC), line)
    assert len(known.rows) == 1


def test_what_is_let_in_while_learning_did_not_wait(mail: Mail) -> None:
    client, mark = (
        Client("mx.learn.example", "192.0.8.7"),
        mail.server.instance.log.mark(),
    )
    assert mail.send(client, "learn@good.example").ok
    eventually(lambda: "disconnect from mx.learn" in mail.server.log(mark))
    attempts, clock, known = Attempts(), Clock(datetime.now(UTC)), Triplets()
    log = mail.server.log(mark).encode().splitlines()
    decided = [it for each in log for it in attempts.feed(read(each, clock))]
    known.feed(datetime.now(UTC), mail.line(client))
    assert len(known.rows) == 1
    for each in decided:
        known.feed(datetime.now(UTC), each)
    assert (mail.line(client).action, known.rows) == ("greylist", {})


def test_a_line_added_to_the_whitelist_lets_in_at_once(mail: Mail) -> None:
    client = Client("a.out.pool.example", "192.0.10.9")
    assert mail.send(client, "alice@pool.example").code == 450
    mail.postgrey.whitelist("out.pool.example")
    eventually(lambda: mail.send(client, "bob@pool.example").ok)
    eventually(lambda: mail.line(client).reason == "client whitelist")


def test_nothing_that_postgrey_logs_is_unknown(mail: Mail) -> None:
    kinds = {type(each.record) for each in mail.seen()}
    assert kinds == {Greylisted, Known}
