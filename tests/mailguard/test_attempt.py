"""The page of one mail: why, who else would have refused it, and how to let it in."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailguard.audit.services import Actor
from mailguard.lists import services as lists
from mailguard.lists.models import Entry
from mailguard.servers import services as servers
from mailguard.servers.models import Live
from mailguard.traffic.letting import patterns
from mailguard.traffic.models import Attempt
from mailguard.traffic.stories import Story, ticket
from mailguard.traffic.words import CHOICES, rule
from postfixconf.maillog import attribution
from postfixconf.policy import entries as library
from postfixconf.policy.catalog import CONTROLS
from tests.support.traffic import seen

HELO = "reject_non_fqdn_helo_hostname"
PTR = "reject_unknown_reverse_client_hostname"
FIELD = re.compile(r'name="(\w+)"\s+value="([^"]*)"')
REPLY = "<pc7>: Helo command rejected: need fully-qualified hostname"
LOGS = Path(__file__).parents[1] / "corpus" / "logs"
ODD = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[31mred\x07",
    "a\u202eb\u200b",
    "x>: NOQUEUE: reject: RCPT from a[192.0.2.1]: 554 5.7.1 <b>: no; from=<",
    "{{ 7|add:7 }}{% debug %}",
    "\\xff\\x00",
]


def refused(**fields: Any) -> Attempt:
    """One attempt that was refused for its greeting."""
    given: dict[str, Any] = {
        "outcome": "refused",
        "control": HELO,
        "code": 504,
        "text": REPLY,
    }
    return seen(**(given | fields))


def page(client: Client, row: Attempt) -> str:
    """The page of an attempt."""
    return client.get(f"/search/{row.pk}/").content.decode()


def offered(row: Attempt) -> list[tuple[str, str]]:
    """Kind and value of the entries offered."""
    return [(each.entry.kind, each.entry.value) for each in patterns(Story(row))]


def test_it_says_what_refused_it_and_what_would_have(client: Client) -> None:
    told = page(client, refused(warned=PTR))
    assert "Refuse greetings without a full host name" in told
    assert "Would have refused it too:" in told
    assert "Refuse servers without a reverse name" in told
    assert "504 &lt;pc7&gt;: Helo command rejected" in told


def test_put_off_for_its_own_sake_is_not_promised_to_come(client: Client) -> None:
    off = {"outcome": "put off", "code": 450}
    stays = page(client, refused(**off, control=PTR))
    assert "put off again as long as the cause lasts" in stays
    passes = page(client, refused(**off, control="greylisting"))
    assert "as long as the cause lasts" not in passes


def test_an_entry_that_is_there_is_not_offered_again(
    client: Client, alice: Actor
) -> None:
    row = refused()
    entry = library.Entry.read("allow", "client", row.client_address)
    lists.add(entry=entry, actor=alice)
    told = page(client, row)
    assert "in the draft" in told
    Entry.objects.update(since_revision=2, waiting=False)
    assert "let in already" in page(client, row)
    assert page(client, refused(client_address="192.0.2.99")).count("already") == 0


def test_an_unknown_mail_is_not_found(client: Client) -> None:
    for number in (7, 1 << 70):
        assert client.get(f"/search/{number}/").status_code == 404


def test_the_revision_that_switched_it_on_is_named(client: Client) -> None:
    Live.objects.create(server=servers.local(), key=HELO, mode="on", since_revision=4)
    assert "revision 4</a>" in page(client, refused())


def test_a_rule_that_only_logs_says_since_when(client: Client) -> None:
    Live.objects.create(server=servers.local(), key=PTR, mode="test", since_revision=5)
    told = " ".join(page(client, seen(warned=PTR)).split())
    assert "Would have refused it:" in told
    assert 'Only logs since <a href="/history/5/">' in told


def test_a_rule_that_was_switched_since_leads_to_its_history(client: Client) -> None:
    Live.objects.create(server=servers.local(), key=HELO, mode="off", since_revision=4)
    assert f"/history/changes/?text={HELO}" in page(client, refused())


def test_it_leads_to_the_switch(client: Client) -> None:
    assert f'/protection/#{HELO}"' in page(client, refused())


def test_the_narrowest_entry_is_offered_first(db: None) -> None:
    assert offered(refused(helo="pc7")) == [
        ("client", "192.0.2.7"),
        ("client_name", "mx1.example.org"),
        ("client", "192.0.2.0/24"),
        ("sender", "bob@example.org"),
        ("sender_domain", "example.org"),
        ("helo", "pc7"),
    ]


def test_what_no_entry_can_name_is_not_offered(db: None) -> None:
    row = refused(client_name="unknown", helo="a b$", sender="b\\xffd@x")
    assert offered(row) == [("client", "192.0.2.7"), ("client", "192.0.2.0/24")]


def test_before_a_sender_is_named_only_a_client_can_be_let_in(db: None) -> None:
    row = refused(command="CONNECT", control=PTR)
    assert {kind for kind, _ in offered(row)} == {"client", "client_name"}


def test_a_click_adds_the_entry_to_the_draft(client: Client) -> None:
    told = page(client, refused())
    _, _, form = told.partition('action="/entries/add/"')
    fields = dict(FIELD.findall(form.partition("</form>")[0]))
    client.post("/entries/add/", fields)
    row = Entry.objects.get()
    assert (row.side, row.kind, row.value) == ("allow", "client", "192.0.2.7")
    assert row.note.startswith(f"refused by {HELO} on ")


def test_it_warns_where_anyone_can_claim_it(client: Client) -> None:
    told = page(client, refused())
    assert told.count("anyone can claim this") == 3
    assert told.count("proven by the connection") == 3


def test_it_counts_what_each_entry_covers(db: None) -> None:
    for address, sender in (
        ("192.0.2.7", "carol@example.org"),
        ("192.0.2.9", "bob@example.org"),
        ("192.0.3.1", "x@other.example"),
    ):
        seen(client_address=address, sender=sender)
    counts = [each.count for each in patterns(Story(refused()))]
    assert counts == [2, 4, 3, 2, 3, None]


@pytest.mark.parametrize(
    "control",
    ["relay_protection", "unknown_recipient", "own_domains", "server_fault", "entries"],
)
def test_what_no_entry_opens_says_what_does(client: Client, control: str) -> None:
    row = refused(control=control)
    assert offered(row) == []
    assert rule(control).instead in unescape(page(client, row))


def test_own_domains_lead_to_their_exceptions(client: Client) -> None:
    assert (
        'href="/domains/"'
        in page(client, refused(control="own_domains")).split("Let this sender in")[1]
    )


def test_a_ticket_has_everything_in_plain_text(db: None) -> None:
    told = ticket(Story(refused(helo="pc7")))
    for words in (
        "Time: 20",
        "Client: mx1.example.org[192.0.2.7]",
        "Greeting (HELO): pc7",
        "Sender: <bob@example.org>",
        "Recipient: <alice@practice.test>",
        "Verdict: refused",
        f"({HELO})",
        f"Reply: 504 {REPLY}",
        "How to get through: Have the sending server greet",
    ):
        assert words in told


def test_a_ticket_says_where_it_was_delivered(db: None) -> None:
    line = (
        b"2026-11-02T08:01:02+00:00 mx postfix/lmtp[3]: 4F1A2B3C4D: "
        b"to=<alice@practice.test>, relay=dovecot[private/lmtp], delay=1, "
        b"delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 saved)"
    )
    told = ticket(Story(seen(delivered="sent", raw=line)))
    assert (
        "Verdict: accepted, delivered to dovecot[private/lmtp] at 2026-11-02 08:01:02"
        in told
    )


def test_the_delivery_to_somebody_else_is_not_told(db: None) -> None:
    line = (
        b"2026-11-02T08:01:02+00:00 mx postfix/lmtp[3]: 4F1A2B3C4D: "
        b"to=<carol@practice.test>, relay=dovecot[private/lmtp], delay=1, "
        b"delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 saved)"
    )
    assert Story(seen(raw=line)).delivered is None


def test_a_forged_line_in_a_greeting_makes_no_line_in_a_ticket(db: None) -> None:
    told = ticket(Story(refused(helo="x\nVerdict: accepted")))
    assert "\nVerdict: accepted" not in told


def test_raw_lines_show_any_byte_as_text(client: Client) -> None:
    raw = b"Nov  2 08:01:02 mx postfix/smtpd[3]: <b>\xff\xfe\x1b[31m \xed\xa0\x80\nnext"
    told = page(client, refused(raw=raw))
    assert "&lt;b&gt;\\udcff\\udcfe\\x1b[31m" in told
    assert "\nnext" in told


@pytest.mark.parametrize("file", sorted(LOGS.glob("*.log")), ids=lambda file: file.stem)
def test_any_log_is_shown_as_it_was(client: Client, file: Path) -> None:
    raw = file.read_bytes()
    told = page(client, seen(raw=raw, delivered="sent"))
    assert told.split("In the mail log")[1].count("postfix/") == raw.count(b"postfix/")


def test_an_endless_line_is_shortened(client: Client) -> None:
    told = page(client, refused(raw=b"helo=<" + b"A" * 100_000 + b">", helo="A" * 255))
    assert len(told) < 40_000
    assert "(100007 characters)" in told


@pytest.mark.parametrize("text", ODD)
def test_odd_text_is_text_everywhere(client: Client, text: str) -> None:
    row = refused(
        helo=text,
        sender=f"{text}@example.org",
        recipient=text,
        client_name=text,
        reverse_name=text,
        text=text,
        control=text,
        warned=text.replace(" ", ""),
        raw=text.encode(),
        delivered="sent",
        sasl_username=text,
    )
    for told in (page(client, row), client.get("/search/").content.decode()):
        body = told.split("<main")[1]
        assert not re.search(r"<script>|<img|\x1b|\u202e|\u200b|\x07", body)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.binary(max_size=120), st.text(max_size=60), st.sampled_from(["sent", ""]))
def test_no_text_of_a_stranger_breaks_a_page(
    client: Client, raw: bytes, typed: str, delivered: str
) -> None:
    text = raw.decode("utf-8", "backslashreplace").replace("\0", "")
    evil = f"{text}<script>{text}"
    row = refused(helo=evil, sender=evil, recipient=evil, text=evil[:300], raw=raw)
    Attempt.objects.filter(pk=row.pk).update(delivered=delivered, client_name=evil)
    asked = typed.encode("utf-8", "replace").decode()
    for path in (f"/search/{row.pk}/", "/search/", "/search/?text=script"):
        answer = client.get(path, {"text": asked} if path == "/search/" else None)
        assert answer.status_code == 200
        assert b"<script>" not in answer.content.split(b"<main")[1]


def test_every_key_of_the_log_reader_has_words() -> None:
    keys = {*attribution.KINDS.values(), *attribution.MORE.values()}
    keys |= {*attribution.CHECKS.values(), "milter", "proxy", "entries", "greylisting"}
    keys |= {"reject_multi_recipient_bounce"}
    keys |= {each.key for each in CONTROLS}
    assert not {key for key in keys if rule(key) == rule("never heard of")}


def test_every_kind_of_blocklist_has_words() -> None:
    for kind in attribution.LISTS.values():
        assert "bl.example" in rule(f"{kind}:bl.example").title


def test_titles_to_choose_from_differ() -> None:
    titles = [title for _, title in CHOICES]
    assert len(titles) == len(set(titles))
