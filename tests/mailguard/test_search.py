"""Mail search: what a question finds, and what it says when it finds nothing."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from mailguard.servers import services as servers
from mailguard.traffic import counting, questions
from mailguard.traffic import search as searching
from mailguard.traffic.models import Attempt, Log
from mailguard.traffic.search import Search
from tests.support.traffic import seen

HELO = "reject_non_fqdn_helo_hostname"
PTR = "reject_unknown_reverse_client_hostname"
REPLY = "Helo command rejected: need fully-qualified hostname"


def found(**fields: str) -> list[Attempt]:
    """The rows of the first page."""
    return Search.of(fields).page(servers.local()).rows


def page(client: Client, **fields: str) -> str:
    """The page of a search."""
    return client.get("/search/", fields).content.decode()


def refused(**fields: Any) -> Attempt:
    """One attempt that was refused for its greeting."""
    given: dict[str, Any] = {
        "outcome": "refused",
        "control": HELO,
        "code": 504,
        "text": REPLY,
    }
    return seen(**(given | fields))


def test_everything_is_there_newest_first(db: None) -> None:
    old, new, older = seen(ago=60), seen(ago=5), seen(ago=900)
    assert found() == [new, old, older]


@pytest.mark.parametrize(
    "text",
    [
        "bob@news.example",
        " BOB@NEWS.Example ",
        "<bob@news.example>",
        "mailto:bob@news.example",
        "carol@practice.test",
        "news.example",
        "@news.example",
        "198.51.100.9",
        "198.51.100.0/24",
        "198.51.0.0/16",
        "198.51.100.8/31",
        "[198.51.100.9]",
        "out.hoster.example",
        "hoster.example",
        "mx7.out.hoster.example",
    ],
)
def test_one_box_finds_a_mail_by(db: None, text: str) -> None:
    seen(ago=5)
    wanted = seen(
        sender="Bob@News.example",
        recipient="carol@practice.test",
        client_address="198.51.100.9",
        client_name="mx7.out.hoster.example",
    )
    assert found(text=text) == [wanted]


@pytest.mark.parametrize(
    "text",
    ["2001:db8:0:7::1", "2001:DB8:0:7::/64", "2001:db8::/32", "2001:db8:0:7::/127"],
)
def test_a_client_is_found_by_its_network_in_ipv6(db: None, text: str) -> None:
    seen(client_address="2001:db9::1")
    wanted = seen(client_address="2001:db8:0:7::1")
    assert found(text=text) == [wanted]


@pytest.mark.parametrize("text", ["203.0.0.0/16", "203.0.112.0/20", "200.0.0.0/5"])
def test_a_wide_network_is_found(db: None, text: str) -> None:
    wanted = seen(client_address="203.0.113.9")
    seen(client_address="192.0.2.1")
    assert found(text=text) == [wanted]


def test_a_narrow_network_leaves_its_neighbours_out(db: None) -> None:
    wanted = seen(client_address="203.0.113.130")
    seen(client_address="203.0.113.9")
    assert found(text="203.0.113.128/25") == [wanted]


@pytest.fixture
def zone(request: pytest.FixtureRequest, settings: Any) -> Iterator[Any]:
    """Another zone; days that were worked out in it are forgotten afterwards."""
    settings.TIME_ZONE = request.param
    counting.day_of.cache_clear()
    yield settings
    counting.day_of.cache_clear()


@pytest.mark.parametrize(
    "zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"], indirect=True
)
def test_a_network_is_found_where_the_day_is_another_than_in_utc(
    db: None, zone: Any
) -> None:
    wanted = seen(client_address="203.0.113.9")
    assert found(text="203.0.113.0/24") == [wanted]


def test_words_of_many_replies_are_found(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "MOST_WALKS", 0)
    seen()
    wanted = refused()
    assert found(text="hostname rejected") == [wanted]


def test_a_host_is_found_by_its_greeting_within_its_organisation(db: None) -> None:
    wanted = seen(client_name="a.hoster.example", helo="b.hoster.example")
    seen(client_name="c.hoster.example", helo="c.hoster.example")
    assert found(text="b.hoster.example") == [wanted]


def test_a_name_that_only_ends_alike_is_another(db: None) -> None:
    seen(sender="x@y.example", client_name="mx.notexample.org", helo="h")
    assert found(text="example.org") == []


def test_a_domain_in_its_own_script_is_found(db: None) -> None:
    wanted = seen(sender="x@xn--mnchen-3ya.example")
    assert found(text="münchen.example") == [wanted]


def test_the_null_sender_is_found(db: None) -> None:
    seen()
    wanted = seen(sender="")
    assert found(text="<>") == [wanted]


@pytest.mark.parametrize(
    "text",
    [
        "fully-qualified",
        "FULLY-qualified hostname",
        f"504 5.5.2 <pc7>: {REPLY}; from=<a@b.example>",
    ],
)
def test_words_of_the_reply_find_it(db: None, text: str) -> None:
    seen()
    wanted = refused()
    assert found(text=text) == [wanted]


def test_a_blocklist_is_found_by_its_name(db: None) -> None:
    text = "Service unavailable; Client host […] blocked using zen.spamhaus.org; …"
    wanted = refused(control="dnsbl:zen.spamhaus.org", text=text)
    refused()
    assert found(text="zen.spamhaus.org") == [wanted]


@pytest.mark.parametrize(
    ("verdict", "fields"),
    [
        ("accepted", {}),
        ("delivered", {"delivered": "sent"}),
        ("waiting", {"delivered": "deferred"}),
        ("bounced", {"delivered": "bounced"}),
        ("refused", {"outcome": "refused", "control": HELO}),
        ("put off", {"outcome": "put off", "control": PTR}),
        ("would", {"warned": f"{HELO} {PTR}"}),
        ("undecided", {"outcome": "undecided"}),
    ],
)
def test_a_verdict_filters(db: None, verdict: str, fields: dict[str, Any]) -> None:
    wanted = seen(**fields)
    seen(outcome="undecided" if verdict != "undecided" else "accepted")
    assert found(verdict=verdict) == [wanted]
    assert found(verdict=verdict, text="bob@example.org") == [wanted]


def test_a_rule_finds_what_it_refused_and_what_it_would_have(db: None) -> None:
    seen()
    first, second = refused(ago=30), seen(ago=40, warned=f"{PTR} {HELO}")
    assert found(control=HELO) == [first, second]
    assert found(control=HELO, verdict="would") == [second]
    assert found(control=HELO, text="example.org") == [first, second]


def test_a_rule_with_a_verdict_of_mail_that_came_in(db: None) -> None:
    refused()
    wanted = seen(warned=HELO, delivered="sent")
    assert found(control=HELO, verdict="delivered") == [wanted]


@pytest.mark.parametrize(
    ("time", "count"), [("hour", 1), ("day", 2), ("week", 3), ("month", 4), ("", 5)]
)
def test_a_period_filters(db: None, time: str, count: int) -> None:
    for days in (0.01, 0.5, 3, 20, 40):
        seen(ago=days * 86_400)
    assert len(found(time=time)) == count
    assert len(found(time=time, text="example.org")) == count


def test_from_and_to_filter(db: None, settings: Any) -> None:
    wanted = seen(ago=3600)
    seen(ago=60), seen(ago=9000)
    at = timezone.localtime(wanted.when)
    before, behind = (f"{at.replace(second=s):%Y-%m-%dT%H:%M:%S}" for s in (0, 59))
    assert found(since=before, until=f"{behind}.999999") == [wanted]


def test_pages_follow_one_another_without_loss(db: None) -> None:
    at = [seen(ago=60).pk for _ in range(65)]
    told, after = [], ""
    for _ in range(3):
        page = Search.of({"text": "example.org"}).page(servers.local(), after)
        told += [row.pk for row in page.rows]
        after = page.next
    assert sorted(told) == sorted(at)
    assert after == ""


def test_a_filter_that_fits_little_says_how_far_it_looked(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_LOOKS", 20)
    wanted = seen(ago=9000, delivered="bounced")
    for _ in range(30):
        seen()
    page = Search.of({"verdict": "bounced"}).page(servers.local())
    assert page.rows == [] and page.reached
    assert Search.of({"verdict": "bounced"}).page(servers.local(), page.next).rows == [
        wanted
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "192.0.2.0/99"},
        {"text": "300.1.2.3"},
        {"text": "2001:db8:::1"},
        {"text": "554"},
        {"text": "x" * 500},
        {"since": "yesterday"},
        {"since": "2026-13-77"},
        {"until": "9999999999"},
        {"since": "2026-02-02", "until": "2026-02-01"},
    ],
)
def test_what_cannot_be_looked_for_is_quoted(
    client: Client, fields: dict[str, str]
) -> None:
    told = page(client, **fields)
    assert "Nothing was looked for" in told
    assert [*fields.values()][-1][:20] in told


@pytest.mark.parametrize("after", ["x", "1:", ":1", "9" * 30 + ":1", "-1:2", "٣:٣"])
def test_an_odd_place_in_the_address_is_no_error(client: Client, after: str) -> None:
    seen()
    assert client.get("/search/", {"after": after}).status_code == 200


def test_an_empty_log_says_so(client: Client) -> None:
    assert "No mail has been read from the log yet" in page(client)


def test_nothing_found_never_reached_us(client: Client) -> None:
    Log.objects.create(server=servers.local(), last_line_at=timezone.now())
    seen()
    told = page(client, text="nobody@nowhere.example")
    assert "It never reached us" in told
    assert "the last line of the log" in told
    assert "What else to check" in told


@pytest.mark.parametrize("text", ["bob", "nobody at all", "web1"])
def test_a_part_of_a_name_is_not_said_to_have_never_reached_us(
    client: Client, text: str
) -> None:
    seen()
    told = page(client, text=text)
    assert "never reached us" not in told
    assert "This says nothing of a sender." in told


@pytest.mark.parametrize(
    "text", ["a@b.example", "<a@b.example>", "b.example", "192.0.2.0/24", "2001:db8::1"]
)
def test_an_address_is_not_taken_for_words(text: str) -> None:
    assert not questions.only_words(text)


def test_nothing_found_offers_to_drop_the_filters(client: Client) -> None:
    seen()
    told = page(client, text="bob@example.org", verdict="refused")
    assert "?text=bob%40example.org" in told.replace("bob@", "bob%40")
    assert "look without them" in told


def test_a_row_says_what_happened_in_words(client: Client) -> None:
    refused(sender="x@y.example", warned=PTR)
    told = page(client, text="x@y.example")
    assert "Refuse greetings without a full host name" in told
    assert "Refuse servers without a reverse name" in told
    assert f"504 {REPLY}" in told


def test_a_row_says_where_it_was_delivered(client: Client) -> None:
    line = (
        b"2026-11-02T08:01:02+00:00 mx postfix/lmtp[3]: 4F1A2B3C4D: "
        b"to=<alice@practice.test>, relay=dovecot[private/lmtp], delay=1, "
        b"delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 saved)"
    )
    seen(delivered="sent", raw=line, queue_id="4F1A2B3C4D")
    told = " ".join(page(client, text="alice@practice.test").split())
    assert "delivered to dovecot[private/lmtp] at" in told
    assert ">08:01:02<" in told


def test_the_address_holds_the_search(client: Client) -> None:
    for _ in range(60):
        refused()
    asked = {
        "text": "example.org",
        "time": "day",
        "verdict": "refused",
        "control": HELO,
    }
    told = page(client, **asked)
    assert urlencode(asked).replace("&", "&amp;") in told
    assert 'value="example.org"' in told
    assert f'<option value="{HELO}" selected' in " ".join(told.split())


def test_a_stranger_needs_to_sign_in(db: None) -> None:
    for path in ("/search/", f"/search/{seen().pk}/"):
        assert Client().get(path)["Location"].startswith("/login/")
