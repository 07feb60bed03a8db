"""Attempts in the database: each once, whatever the log tells of it again."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from mailguard.servers.models import Server
from mailguard.traffic import store
from mailguard.traffic.keys import key_of
from mailguard.traffic.models import (
    Attempt,
    Correspondent,
    Daily,
    Hit,
    Hour,
    Reply,
)
from mailguard.traffic.rows import reply_of, row_of
from postfixconf.maillog.clock import Clock
from postfixconf.maillog.intake import Intake

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STAMP = b"2026-11-22T11:00:00.000000+00:00 mx "
END = b"from=<a@good.example> to=<bob@practice.test> proto=ESMTP helo=<mx.good.example>"
CLIENT = b"mx.good.example[192.0.2.7]"
REFUSED = (
    b"postfix/smtpd[7]: NOQUEUE: reject: RCPT from " + CLIENT + b": 504 5.5.2"
    b" <pc7>: Helo command rejected: need fully-qualified hostname; " + END
)
PUT_OFF = (
    b"postfix/smtpd[7]: NOQUEUE: reject: RCPT from " + CLIENT + b": 450 4.1.8"
    b" <a@good.example>: Sender address rejected: Domain not found; " + END
)
WARNED = REFUSED.replace(b"reject:", b"reject_warning:")
ACCEPTED = (
    b"postfix/smtpd[7]: 4F1A2B3C4D: client=" + CLIENT,
    b"postfix/cleanup[8]: 4F1A2B3C4D: message-id=<x@good.example>",
    b"postfix/qmgr[9]: 4F1A2B3C4D: from=<a@good.example>, size=9, nrcpt=1 (queue"
    b" active)",
    b"postfix/smtpd[7]: disconnect from " + CLIENT + b" ehlo=1 mail=1 rcpt=1 data=1",
)
SENT = (
    b"postfix/lmtp[9]: 4F1A2B3C4D: to=<bob@practice.test>, relay=mail.practice.test"
    b"[192.0.2.99]:24, delay=1.2, delays=0.1/0/0.5/0.6, dsn=2.0.0, status=sent (250 ok)"
)


@pytest.fixture
def server(db: None) -> Server:
    """A server without a Postfix: only its log is of interest."""
    return Server.objects.create(name="local", config_dir="/nowhere")


def keep(
    server: Server, *lines: bytes, intake: Intake | None = None, domains: bool = False
) -> int:
    """Keep what these lines tell, as a log that ends there."""
    reader = intake or Intake(Clock(NOW))
    batch = reader.feed(b"".join(STAMP + line + b"\n" for line in lines))
    seen = [*batch.attempts, *([] if intake else reader.flush())]
    rows = [row_of(server.pk, each, domains_only=domains) for each in seen]
    return store.keep(server, rows)


def hours(control: str = "") -> dict[str, int]:
    """What the hours count for a control."""
    rows: Iterable[tuple[str, int]] = Hour.objects.filter(control=control).values_list(
        "verdict", "count"
    )
    return {verdict: count for verdict, count in rows if count}


def test_a_refusal_is_one_attempt_with_everything(server: Server) -> None:
    assert keep(server, REFUSED) == 1
    row = Attempt.objects.get()
    assert (row.client_address, row.client_name) == ("192.0.2.7", "mx.good.example")
    assert (row.sender, row.recipient) == ("a@good.example", "bob@practice.test")
    assert (row.outcome, row.code) == ("refused", 504)
    assert row.control == "reject_non_fqdn_helo_hostname"
    assert bytes(row.raw) == STAMP + REFUSED
    assert row.sender_key == key_of("A@good.example")


def test_a_log_that_is_read_twice_counts_once(server: Server) -> None:
    assert keep(server, REFUSED, PUT_OFF) == 2
    assert keep(server, REFUSED, PUT_OFF) == 0
    assert hours() == {"refused": 1, "put off": 1}
    assert hours("reject_non_fqdn_helo_hostname") == {"refused": 1}
    assert Hit.objects.count() == 2


def test_a_warning_is_counted_beside_the_mail_that_came_in(server: Server) -> None:
    keep(server, WARNED, *ACCEPTED, SENT)
    assert hours() == {"accepted": 1, "would": 1}
    assert hours("reject_non_fqdn_helo_hostname") == {"would": 1}
    row = Attempt.objects.get()
    assert row.warned == "reject_non_fqdn_helo_hostname"
    assert row.delivered == "sent"


def test_a_delivery_that_comes_later_changes_the_row_alone(server: Server) -> None:
    intake = Intake(Clock(NOW))
    keep(server, WARNED, *ACCEPTED, intake=intake)
    keep(server, SENT, intake=intake)
    assert hours() == {"accepted": 1, "would": 1}
    assert Attempt.objects.get().delivered == "sent"


def test_a_delivery_after_a_restart_finds_its_attempt(server: Server) -> None:
    keep(server, WARNED, *ACCEPTED)
    keep(server, SENT)
    row = Attempt.objects.get()
    assert (row.delivered, row.client_address) == ("sent", "192.0.2.7")
    assert row.sender == "a@good.example"
    assert hours() == {"accepted": 1, "would": 1}
    assert SENT in bytes(row.raw)


def test_only_mail_that_no_rule_would_refuse_makes_a_correspondent(
    server: Server,
) -> None:
    keep(server, WARNED, *ACCEPTED, SENT)
    assert not Correspondent.objects.exists()
    another = (*ACCEPTED, SENT)
    keep(server, *(line.replace(b"4F1A2B3C4D", b"4F1A2B3C4E") for line in another))
    assert Correspondent.objects.filter(sender_key=key_of("a@good.example")).exists()


def test_words_of_a_reply_are_kept_once(server: Server) -> None:
    other = REFUSED.replace(b"<pc7>", b"<pc8>").replace(b"[7]", b"[8]")
    keep(server, REFUSED, other)
    text = "Helo command rejected: need fully-qualified hostname"
    assert [reply.text for reply in Reply.objects.all()] == [text]
    daily = Daily.objects.get(what="reason")
    assert (daily.value, daily.count) == (text, 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Service unavailable; Client host [192.0.2.1] blocked using zen.example;"
            " https://zen.example/query/ip/192.0.2.1",
            "Service unavailable; Client host … blocked using zen.example; …",
        ),
        ("<a@b.example>: Relay access denied", "Relay access denied"),
        ("", ""),
    ],
)
def test_what_differs_from_mail_to_mail_is_left_out(text: str, words: str) -> None:
    assert reply_of(text) == words


def test_domains_only_keeps_no_local_part(server: Server) -> None:
    keep(server, PUT_OFF, domains=True)
    row = Attempt.objects.get()
    assert (row.sender, row.recipient) == ("@good.example", "@practice.test")
    assert bytes(row.raw) == b""
    told = str(Attempt.objects.values().get())
    assert "a@" not in told
    assert "bob" not in told


@pytest.mark.parametrize("word", [b"\xff\x00", b"\xc3\xa9", b"x" * 300])
@pytest.mark.parametrize("place", [b"mx.good.example[", b"192.0.2.7", b"smtpd[7]"])
def test_any_bytes_anywhere_are_kept_or_left_out(
    server: Server, place: bytes, word: bytes
) -> None:
    keep(server, REFUSED.replace(place, word + place))
    for row in Attempt.objects.values("client_name", "client_address", "service"):
        assert all(len(str(each).encode()) <= 255 for each in row.values())


@pytest.mark.parametrize("sender", [b"\xff\x00\xfe", b"\xed\xa0\x80@x", b"a" * 5000])
def test_a_strangers_bytes_fit_every_column(server: Server, sender: bytes) -> None:
    assert keep(server, REFUSED.replace(b"a@good.example", sender)) == 1
    row = Attempt.objects.get()
    assert row.control == "reject_non_fqdn_helo_hostname"
    assert row.sender is not None
    assert len(row.sender.encode()) <= 320


def test_an_older_log_takes_nothing_from_a_newer_row(server: Server) -> None:
    keep(server, WARNED, *ACCEPTED, SENT)
    keep(server, WARNED, *ACCEPTED)
    row = Attempt.objects.get()
    assert row.delivered == "sent"
    assert bytes(row.raw).count(SENT) == 1


def test_an_older_log_makes_no_correspondent_older(server: Server) -> None:
    late = [each.replace(b"4F1A2B3C4D", b"4F1A2B3C4E") for each in (*ACCEPTED, SENT)]
    keep(server, *(each for each in late))
    newest = Correspondent.objects.get().at
    old = [STAMP.replace(b"11-22", b"10-22") + each + b"\n" for each in ACCEPTED]
    intake = Intake(Clock(NOW))
    seen = intake.feed(b"".join(old)).attempts + intake.flush()
    store.keep(server, [row_of(server.pk, each) for each in seen])
    assert Correspondent.objects.get().at == newest


def test_what_was_forgotten_does_not_count_again(server: Server) -> None:
    keep(server, *ACCEPTED, SENT)
    Attempt.objects.all().delete()
    intake = Intake(Clock(NOW))
    lines = b"".join(STAMP + line + b"\n" for line in (*ACCEPTED, SENT))
    rows = [row_of(server.pk, each) for each in intake.feed(lines).attempts]
    assert store.keep(server, rows, since=NOW) == 0
    assert hours() == {"accepted": 1}


def test_one_who_signed_in_is_no_correspondent(server: Server) -> None:
    user = b", sasl_method=PLAIN, sasl_username=bob"
    keep(server, ACCEPTED[0] + user, *ACCEPTED[1:], SENT)
    assert not Correspondent.objects.exists()


def test_an_own_domain_is_no_correspondent(server: Server) -> None:
    server.live_policy = {"own": {"domains": ["good.example"], "reply": "no"}}
    keep(server, *ACCEPTED, SENT)
    assert not Correspondent.objects.exists()


def test_with_domains_only_people_are_still_told_apart(server: Server) -> None:
    other = PUT_OFF.replace(b"bob@", b"eve@").replace(b"[7]", b"[8]")
    keep(server, PUT_OFF, other, domains=True)
    assert Hit.objects.values("who").distinct().count() == 2
    assert not Attempt.objects.filter(sender_key=key_of("a@good.example")).exists()


def test_another_attribution_takes_the_hits_of_the_former(server: Server) -> None:
    own = REFUSED.replace(
        b"504 5.5.2 <pc7>: Helo command rejected: need fully-qualified hostname",
        b"554 5.7.1 <x[192.0.2.7]>: Client host rejected: not as us",
    )
    keep(server, own)
    keep(server, own, intake=Intake(Clock(NOW), own_reply="not as us"))
    assert [hit.control for hit in Hit.objects.all()] == ["own_domains"]
    assert hours("entries") == {}
