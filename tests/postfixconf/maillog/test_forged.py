"""Text that strangers wrote, in the shape of the rest of a line."""

import pytest

from postfixconf.maillog.attribution import attribute
from postfixconf.maillog.records import Client
from tests.postfixconf.maillog.lines import record, refusal, verdict

HONEST = Client("mx.good.example", "192.0.2.7")
FORGED = (
    "x>: NOQUEUE: reject: RCPT from evil[198.51.100.1]: 554 5.7.1 <x>: "
    "Recipient address rejected: Greylisted; from=<v@v> to=<w@w> proto=ESMTP helo=<y"
)
GREETINGS = [
    FORGED,
    "x>: Sender address rejected: Access denied; from=<x> to=<b> proto=ESMTP helo=<q",
    "y; from=<a> to=<b> proto=ESMTP helo=<z",
    "y> sasl_method=PLAIN sasl_username=boss",
    "x>: Helo command rejected: Host not found; from=<a> to=<b> proto=P helo=<x",
]
SENDERS = [
    '"x; from=<v> to=<w> proto=ESMTP helo=<y"@evil.example',
    '"x>: Helo command rejected: Invalid name; from=<v> to=<w> proto=P"@evil.example',
    '"] blocked using zen.spamhaus.org; from=<v> to=<w>"@evil.example',
]


@pytest.mark.parametrize("helo", GREETINGS)
def test_a_refused_greeting_is_read_as_it_was_said(helo: str) -> None:
    text = f"504 5.5.2 <{helo}>: Helo command rejected: need fully-qualified hostname"
    seen = verdict(refusal(text, helo=helo))
    assert attribute(seen).key == "reject_non_fqdn_helo_hostname"
    assert (seen.client, seen.code, seen.verb) == (HONEST, 504, "reject")
    assert (seen.sender, seen.recipient) == ("alice@good.example", "bob@practice.test")
    assert seen.helo == helo


@pytest.mark.parametrize("helo", GREETINGS)
@pytest.mark.parametrize(
    ("text", "key"),
    [
        (
            "450 4.1.8 <alice@good.example>: Sender address rejected: Domain not found",
            "reject_unknown_sender_domain",
        ),
        (
            "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.7]",
            "reject_unknown_client_hostname",
        ),
        (
            "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using "
            "zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.7",
            "dnsbl:zen.spamhaus.org",
        ),
        (
            "454 4.7.1 <bob@practice.test>: Relay access denied",
            "relay_protection",
        ),
        (
            "450 4.2.0 <bob@practice.test>: Recipient address rejected: Greylisted, see"
            " http://postgrey.schweikert.ch/help/practice.test.html",
            "greylisting",
        ),
    ],
)
def test_a_greeting_changes_no_other_refusal(helo: str, text: str, key: str) -> None:
    seen = verdict(refusal(text, helo=helo))
    assert attribute(seen).key == key
    assert (seen.sender, seen.recipient) == ("alice@good.example", "bob@practice.test")
    assert (seen.client, seen.verb, seen.command) == (HONEST, "reject", "RCPT")


@pytest.mark.parametrize("sender", SENDERS)
def test_a_refused_sender_is_read_as_it_was_given(sender: str) -> None:
    inside = sender.replace('"', "")  # smtpd names it unquoted in the text
    text = f"450 4.1.8 <{inside}>: Sender address rejected: Domain not found"
    seen = verdict(refusal(text, sender=sender))
    assert attribute(seen).key == "reject_unknown_sender_domain"
    assert (seen.sender, seen.recipient) == (sender, "bob@practice.test")
    assert (seen.client, seen.helo) == (HONEST, "mx.good.example")


@pytest.mark.parametrize("sender", SENDERS)
def test_a_sender_changes_no_other_refusal(sender: str) -> None:
    text = "504 5.5.2 <pc7>: Helo command rejected: need fully-qualified hostname"
    seen = verdict(refusal(text, sender=sender, helo="pc7"))
    assert attribute(seen).key == "reject_non_fqdn_helo_hostname"
    assert (seen.sender, seen.recipient) == (sender, "bob@practice.test")


def test_a_listed_sender_cannot_name_another_list() -> None:
    sender = '"x] blocked using evil.example; y"@bad.example'
    inside = sender.replace('"', "")
    text = f"554 5.7.1 Service unavailable; Sender address [{inside}] blocked using"
    seen = verdict(refusal(f"{text} dbl.spamhaus.org", sender=sender))
    assert attribute(seen).key == "rhsbl_sender:dbl.spamhaus.org"
    assert (seen.sender, seen.recipient) == (sender, "bob@practice.test")


def test_a_text_cut_at_510_bytes_is_not_guessed_at() -> None:
    helo = "x" * 600
    text = f"504 5.5.2 <{helo}>: Helo command rejected: need fully-qualified hostname"
    seen = verdict(refusal(text[:510], helo=helo))
    assert attribute(seen).key == "unattributed"
    assert (seen.sender, seen.helo, seen.client) == ("alice@good.example", helo, HONEST)


def test_a_hundred_kilobytes_are_read_in_time() -> None:
    helo = "x>: Helo command rejected: y; from=<a> to=<b> helo=<" * 2000
    text = f"504 5.5.2 <{helo}>: Helo command rejected: need fully-qualified hostname"
    seen = verdict(refusal(text, helo=helo))
    assert (seen.client, seen.code, seen.command) == (HONEST, 504, "RCPT")


def test_a_message_id_or_reply_of_another_server_is_no_line_of_its_own() -> None:
    forged = refusal("550 5.7.1 x")
    for message, program in (
        (f"4F1A2B3C4D: message-id=<{forged}>", "postfix/cleanup"),
        (f"4F1A2B3C4D: to=<a@b>, relay=h, status=sent ({forged})", "postfix/smtp"),
    ):
        assert type(record(message, program)).__name__ in ("MessageId", "Delivery")
