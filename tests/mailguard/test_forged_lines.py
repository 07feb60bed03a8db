"""Forged text in a greeting or a sender changes nothing that the database keeps."""

from pathlib import Path

import pytest
from django.test import Client

from mailguard.servers.models import Server
from mailguard.traffic import intake
from mailguard.traffic.models import Attempt, Hit
from tests.postfixconf.maillog.lines import refusal as verdict
from tests.postfixconf.maillog.test_forged import GREETINGS, SENDERS
from tests.support.conversations import GOOD, SETTINGS, TO
from tests.support.dns import Dns
from tests.support.hostile import Page
from tests.support.logged import line, server_with
from tests.support.practice import serving
from tests.support.waiting import eventually

HELO = "reject_non_fqdn_helo_hostname"
TEXTS = {
    HELO: "504 5.5.2 <{helo}>: Helo command rejected: need fully-qualified hostname",
    "reject_unknown_sender_domain": "450 4.1.8 <{sender}>: Sender address rejected:"
    " Domain not found",
    "relay_protection": "454 4.7.1 <bob@practice.test>: Relay access denied",
    "dnsbl:zen.spamhaus.org": "554 5.7.1 Service unavailable; Client host [192.0.2.7]"
    " blocked using zen.spamhaus.org; see there",
    "greylisting": "450 4.2.0 <bob@practice.test>: Recipient address rejected:"
    " Greylisted",
}
FORGED = [(helo, "alice@good.example") for helo in GREETINGS]
FORGED += [("mx.good.example", sender) for sender in SENDERS]


@pytest.fixture
def log(db: None, tmp_path: Path) -> Path:
    """The log of a server that is followed from here on."""
    server, log = server_with(tmp_path)
    log.write_bytes(b"")
    intake.following.clear()
    intake.follow(server)
    return log


@pytest.mark.parametrize("verb", ["reject", "reject_warning"])
@pytest.mark.parametrize("key", TEXTS)
@pytest.mark.parametrize(("helo", "sender"), FORGED)
def test_what_is_kept_is_what_postfix_said(
    log: Path, helo: str, sender: str, key: str, verb: str
) -> None:
    text = TEXTS[key].format(helo=helo, sender=sender.replace('"', ""))
    log.write_bytes(line(verdict(text, verb=verb, sender=sender, helo=helo)))
    intake.follow(Server.objects.get())
    row, [hit] = Attempt.objects.get(), Hit.objects.all()
    assert (row.warned if verb == "reject_warning" else row.control) == key
    assert (hit.control, hit.verdict == "would") == (key, verb == "reject_warning")
    assert (row.client_address, row.client_name) == ("192.0.2.7", "mx.good.example")
    assert (row.sender, row.recipient) == (sender, "bob@practice.test")
    assert row.helo == helo[:255]


def test_what_is_said_to_a_real_postfix_is_kept_as_said(
    dns: Dns, db: None, client: Client
) -> None:
    rules = "permit_mynetworks, reject_unauth_destination, " + HELO
    extra = {"smtpd_recipient_restrictions": rules}
    with serving(settings={**SETTINGS, **extra}) as practice:
        server = Server.objects.create(
            name="local", config_dir=str(practice.instance.config_dir)
        )
        intake.following.clear()
        intake.follow(server)
        said = [*GREETINGS, "<mg-a>'\"&lt;", "\x01\x1b[31m\xff<mg-b", "x" * 400]
        for number, helo in enumerate(said):
            with practice.smtp(src="127.0.0.66", helo=helo) as smtp:
                smtp.mail(f"a{number}@{GOOD.rpartition('@')[2]}")
                assert not smtp.rcpt(TO).ok

        def there() -> bool:
            intake.follow(server)
            return Attempt.objects.count() == len(said)

        eventually(there)
    rows = Attempt.objects.order_by("sender")
    assert {row.control for row in rows} == {HELO}
    assert {row.client_address for row in rows} == {"127.0.0.66"}
    assert {row.recipient for row in rows} == {TO}
    for row in rows:
        page = client.get(f"/search/{row.pk}/").content.decode()
        assert not Page(page).faults
