"""Greylisting: triplets as rows, and whom the page suggests."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client as Browser

from mailguard.audit.models import Change
from mailguard.servers.models import Server
from mailguard.traffic import suggesting
from mailguard.traffic.models import Ignored, Triplet
from mailguard.traffic.suggestion_words import duration
from mailguard.traffic.times import microseconds
from mailguard.traffic.triplets import keep, suggestions
from postfixconf.maillog.attempt import Attempt, Outcome
from postfixconf.maillog.records import Client, Greylisted
from postfixconf.policy.greylisting import Greylisting
from tests.support.evidence import live
from tests.support.greylist_world import world
from tests.support.merged import merged

START = datetime(2026, 3, 2, 8, 0, 0, 123_457, tzinfo=UTC)
PAGE = "/greylisting/suggestions/"
NETWORKS = ("192.0.2.7", "198.51.100.7", "203.0.113.7")
Lines = list[tuple[datetime, Greylisted]]


@pytest.fixture
def server(db: None) -> Server:
    """A server of whom only the log matters."""
    return Server.objects.create(name="local", config_dir="/nowhere")


def line(
    minutes: float,
    reason: str = "new",
    name: str = "mx.big.example",
    address: str = "192.0.2.7",
    sender: str = "alice@big.example",
) -> tuple[datetime, Greylisted]:
    action = "greylist" if reason in ("new", "early-retry") else "pass"
    client = Client(name, address)
    said = Greylisted(action, reason, client, sender, "bob@practice.test")
    return START + timedelta(minutes=minutes), said


def pool() -> Lines:
    """One message from three networks, two days in a row."""
    return [
        line(
            n * 9 + day * 1440,
            name=f"mx{n}.out.big.example",
            address=address,
            sender=f"a{day}x@big.example",
        )
        for day in (0, 1)
        for n, address in enumerate(NETWORKS)
    ]


def attempt(of: tuple[datetime, Greylisted], **what: object) -> Attempt:
    at, said = of
    told = {"sender": said.sender, "recipient": said.recipient} | what
    return merged(at, said.client, ("k",), **told)


def rows() -> list[dict[str, object]]:
    return [dict(row) for row in Triplet.objects.order_by("first_at").values()]


def test_a_triplet_is_one_row(server: Server) -> None:
    keep(server, [line(0), line(1, "early-retry"), line(6, "triplet found")])
    row = Triplet.objects.get()
    assert (row.network, row.sender) == ("192.0.2.0/24", "alice@big.example")
    assert (row.tries, row.early, row.delay) == (3, 1, 360)
    assert row.first_at == microseconds(START)
    assert (row.clients, row.names) == (["192.0.2.7"], ["mx.big.example"])


@pytest.mark.parametrize(
    ("told", "waited"),
    [({}, [None, None]), ({"ipv4": 16}, [360]), ({"by_host": True}, [None, None])],
)
def test_what_postgrey_takes_for_one_server_is_one(
    server: Server, told: dict[str, object], waited: list[int | None]
) -> None:
    whole = asdict(replace(Greylisting(), **told))  # type: ignore[arg-type]
    server.live_policy = {"greylisting": whole}
    keep(server, [line(0), line(1, address="192.0.99.9", reason="early-retry")])
    keep(server, [line(6, "triplet found", address="192.0.50.1")])
    assert [each["delay"] for each in rows()] == waited


def test_lines_in_several_batches_are_added_up(server: Server) -> None:
    lines = [line(0), line(1, "early-retry"), line(6, "triplet found"), line(9)]
    keep(server, lines)
    at_once = rows()
    Triplet.objects.all().delete()
    for each in lines:
        keep(server, [each])
    assert [row | {"id": 0} for row in rows()] == [row | {"id": 0} for row in at_once]


def test_a_batch_kept_twice_counts_once(server: Server) -> None:
    keep(server, pool())
    before = rows()
    keep(server, pool())
    assert rows() == before


def test_a_whole_world_gives_the_same_in_batches(server: Server) -> None:
    events = world(1).events[:6_000]
    lines = [(at, it) for at, it in events if isinstance(it, Greylisted)]
    attempts = [it for _, it in events if isinstance(it, Attempt)]
    keep(server, lines, attempts)
    at_once = set(Triplet.objects.values_list("key", "tries", "early", "last_at"))
    Triplet.objects.all().delete()
    for n in range(0, 6_000, 1_000):
        part = events[n : n + 1_000]
        said = [(at, it) for at, it in part if isinstance(it, Greylisted)]
        keep(server, said, [it for _, it in part if isinstance(it, Attempt)])
    found = set(Triplet.objects.values_list("key", "tries", "early", "last_at"))
    assert found == at_once


def test_what_was_only_logged_leaves_no_row(server: Server) -> None:
    let_in = attempt(line(0), outcome=Outcome.ACCEPTED, warned=("greylisting",))
    keep(server, [line(0)], [let_in])
    assert not Triplet.objects.exists()


def test_an_attempt_takes_out_what_an_earlier_batch_kept(server: Server) -> None:
    keep(server, [line(0)])
    refused = attempt(line(0), outcome=Outcome.REFUSED, control="reject_rbl_client x")
    keep(server, [], [refused])
    assert not Triplet.objects.exists()


def test_an_attempt_told_again_takes_out_nothing_newer(server: Server) -> None:
    let_in = attempt(line(0), outcome=Outcome.ACCEPTED, warned=("greylisting",))
    keep(server, [line(60)], [let_in])
    assert Triplet.objects.count() == 1


def test_the_same_triplet_of_two_servers_is_two_rows(server: Server) -> None:
    other = Server.objects.create(name="other", config_dir="/nowhere")
    keep(server, [line(0)])
    keep(other, [line(0)])
    assert Triplet.objects.count() == 2


@pytest.mark.parametrize("sender", ["\udcff\x00@x.example", "é" * 999, "<b>\u202e@x"])
def test_odd_senders_are_kept_and_found_again(server: Server, sender: str) -> None:
    keep(server, [line(0, sender=sender)])
    keep(server, [line(1, "early-retry", sender=sender)])
    assert Triplet.objects.get().tries == 2


def test_with_domains_only_no_person_is_named(server: Server) -> None:
    keep(server, [line(0)], domains_only=True)
    keep(server, [line(1, "early-retry")], domains_only=True)
    row = Triplet.objects.get()
    assert row.tries == 2
    assert "alice" not in row.sender + row.recipient
    assert row.sender.endswith("@big.example")


def test_a_pool_in_the_log_is_suggested(server: Server) -> None:
    keep(server, pool())
    (found,) = suggestions(server, START + timedelta(days=3))
    assert (found.who, found.lines) == ("big.example", ("out.big.example",))


def test_the_page_shows_the_evidence_and_the_line(
    client: Browser, server: Server
) -> None:
    keep(server, pool())
    suggesting.work_out(server)
    page = client.get(PAGE).content.decode()
    assert "big.example" in page
    assert "2 messages to 1 person came from 3 networks" in page
    assert ">out.big.example</textarea>" in page
    assert "Let it in at once" in page


def test_nothing_a_stranger_wrote_is_markup(client: Browser, server: Server) -> None:
    evil = "<script>\u202e\x1b@big.example"
    keep(server, [(at, it._replace(sender=evil)) for at, it in pool()])
    suggesting.work_out(server)
    page = client.get(PAGE).content.decode()
    assert "&lt;script&gt;\\u202e\\x1b@big.example" in page
    assert "<script>\\" not in page
    assert "\u202e" not in page


def test_without_lines_the_page_says_what_to_do(
    client: Browser, server: Server
) -> None:
    page = client.get(PAGE).content.decode()
    assert "No sender has been greylisted yet" in page
    assert "check_policy_service" in page


def test_while_postgrey_only_learns_the_page_says_so(
    client: Browser, server: Server
) -> None:
    live(server, "greylisting", "test")
    page = client.get(PAGE).content.decode()
    assert "postgrey only learns at present" in page
    assert "check_policy_service" not in page


def test_before_the_first_time_the_page_says_so(
    client: Browser, server: Server
) -> None:
    keep(server, pool())
    assert "Not worked out yet" in client.get(PAGE).content.decode()


def test_with_nobody_to_suggest_the_page_says_so(
    client: Browser, server: Server
) -> None:
    keep(server, [line(0), line(6, "triplet found")])
    suggesting.work_out(server)
    assert "Nobody to suggest" in client.get(PAGE).content.decode()


def test_ignored_is_for_ever_and_on_record(client: Browser, server: Server) -> None:
    keep(server, pool())
    suggesting.work_out(server)
    client.post(PAGE + "ignore/", {"who": "big.example"})
    suggesting.work_out(server)
    assert suggesting.latest(server) == []
    assert Ignored.objects.get().author_name == "alice"
    change = Change.objects.get()
    assert (change.what, change.after) == (
        *("greylisting suggestion big.example", "ignored"),
    )


def test_what_is_ignored_can_be_suggested_again(
    client: Browser, server: Server
) -> None:
    keep(server, pool())
    suggesting.work_out(server)
    client.post(PAGE + "ignore/", {"who": "big.example"})
    assert "Suggest again" in client.get(PAGE).content.decode()
    client.post(PAGE + "again/", {"who": "big.example"})
    assert [each.who for each in suggesting.latest(server) or []] == ["big.example"]
    assert Change.objects.count() == 2


@pytest.mark.parametrize("action", ["ignore", "again"])
@pytest.mark.parametrize("who", ["", "nobody.example", "x" * 10_000, "a\nb"])
def test_what_is_not_suggested_cannot_be_ignored(
    client: Browser, server: Server, action: str, who: str
) -> None:
    answer = client.post(f"{PAGE}{action}/", {"who": who}, follow=True)
    assert "Nothing was changed" in answer.content.decode()
    assert not Ignored.objects.exists()
    assert not Change.objects.exists()


def test_ignoring_twice_is_ignoring_once(client: Browser, server: Server) -> None:
    keep(server, pool())
    suggesting.work_out(server)
    for _ in range(2):
        client.post(PAGE + "ignore/", {"who": "big.example"})
    assert Ignored.objects.count() == Change.objects.count() == 1


def test_a_get_changes_nothing(client: Browser, server: Server) -> None:
    assert client.get(PAGE + "ignore/")["Location"] == PAGE
    assert client.get(PAGE + "again/")["Location"] == PAGE


@pytest.mark.parametrize("path", ["", "ignore/", "again/"])
def test_the_page_asks_for_a_sign_in(server: Server, path: str) -> None:
    assert Browser().get(PAGE + path)["Location"].startswith("/login/")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "1 minute"),
        (540, "9 minutes"),
        (3_660, "1 hour 1 min"),
        (9e4, "25 hours"),
    ],
)
def test_a_wait_is_told_in_words(seconds: int, words: str) -> None:
    assert duration(seconds) == words
