"""Allow and deny in the browser and on the command line, without either."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import worker
from mailguard.lists import services
from mailguard.lists.checks import plain
from mailguard.lists.models import Entry
from mailguard.lists.search import Search
from mailguard.protection import naming
from mailguard.servers.models import Observed, Server
from postfixconf.policy import sources
from postfixconf.policy.entries import Entry as Line
from postfixconf.policy.entries import Kind, Lookup
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.text.access import lines_of
from tests.support.practice import Practice

ODD = [
    "",
    "a@b.example\nevil@c.example",
    "a@b.example REJECT",
    "# comment",
    "$mydomain",
    "{a@b.example}",
    '"a b"@c.example',
    "a\x00@b.example",
    "a\x1b[31m@b.example",
    "\u202ea@b.example",
    "x" * 10_000 + "@b.example",
    "<>",
]
FORM = {"side": "deny", "kind": "sender", "note": "", "expires": "", "sure": ""}


@pytest.fixture
def server(shared_practice: Practice, db: None) -> Server:
    """One for all: nothing here reaches Postfix."""
    made = Server.objects.create(
        name="local", config_dir=str(shared_practice.instance.config_dir)
    )
    worker.tend(made)
    return made


def post(client: Client, **fields: str) -> Any:
    """The add form, sent."""
    return client.post("/entries/add/", FORM | fields)


def want(alice: Actor, side: str, kind: str, value: str) -> Entry:
    """An entry in the draft."""
    return services.add(entry=Line.read(side, kind, value), actor=alice)


def run(*words: str) -> tuple[int, dict[str, Any]]:
    """`manage.py entries … --json`: exit code and object."""
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("entries", "--json", *words, stdout=out)
    return int(str(ended.value.code)), json.loads(out.getvalue())


def assert_one_line(row: Entry) -> None:
    """What stands in a table for a row reads back as its value and nothing else."""
    lookup = Lookup(row.lookup)
    text = "".join(sources.lines(lookup, [row.entry], OwnDomains(), dotted=False))
    found = lines_of(text)
    assert found[0].key == row.value
    assert {line.action for line in found} == {row.entry.action}
    assert len(found) == 1 or "xn--" in row.value  # once more in its own script


def test_an_entry_is_added_to_the_draft(client: Client, server: Server) -> None:
    post(client, value=" Bad@Example.COM ", note="twice")
    row = Entry.objects.get()
    assert (row.value, row.note, row.author_name) == (
        "bad@example.com",
        "twice",
        "alice",
    )
    assert row.state == "new"


@pytest.mark.parametrize("value", ODD)
def test_an_odd_value_is_quoted_and_nothing_typed_is_lost(
    client: Client, server: Server, value: str
) -> None:
    answer = post(client, value=value, note="keep this")
    assert answer.context["form"].errors["value"]
    assert "keep this" in answer.content.decode()
    assert "\x1b" not in answer.content.decode().partition("<form")[0]
    assert not Entry.objects.exists()


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("side", "maybe\n"),
        ("side", "x" * 10_000),
        ("kind", "recipient"),
        ("kind", "$\x00"),
        ("note", "two\nlines"),
        ("note", "\u202ebackwards"),
        ("note", "x" * 10_000),
        ("expires", "tomorrow"),
        ("expires", "2001-01-01"),
        ("expires", "9" * 10_000),
        ("expires", "2027-01-01\n"[:-1] + "\x00"),
    ],
)
def test_every_other_field_quotes_what_it_refuses(
    client: Client, server: Server, field: str, bad: str
) -> None:
    answer = post(client, **({"value": "a@b.example"} | {field: bad}))
    error = answer.context["form"].errors[field][0]
    assert repr(bad[:20])[1:-1] in error
    assert len(error) < 400
    assert not Entry.objects.exists()


def test_an_entry_that_reaches_far_is_asked_about_first(
    client: Client, server: Server
) -> None:
    asked = post(client, kind="sender_domain", value="co.uk")
    assert "Everybody can register" in asked.content.decode()
    assert not Entry.objects.exists()
    sure = asked.context["form"]["sure"].value()
    post(client, kind="sender_domain", value="co.uk", sure=sure)
    assert Entry.objects.get().value == "co.uk"


def test_a_confirmation_is_good_for_its_entry_only(
    client: Client, server: Server
) -> None:
    sure = "deny sender_domain co.uk"
    post(client, kind="sender_domain", value="org.uk", sure=sure)
    assert not Entry.objects.exists()


def test_moving_to_the_other_list_is_asked_about_first(
    client: Client, server: Server, alice: Actor
) -> None:
    want(alice, "allow", "sender", "a@b.example")
    asked = post(client, value="a@b.example").content.decode()
    assert "is on the allow list now" in asked


def test_bounces_cannot_be_denied_and_the_page_says_why(
    client: Client, server: Server
) -> None:
    assert "how bounces come" in post(client, value="<>").content.decode()


def test_an_own_domain_cannot_be_allowed(
    client: Client, server: Server, alice: Actor
) -> None:
    naming.add_domain(text="ours.example", actor=alice)
    answer = post(client, side="allow", value="boss@ours.example")
    assert "which anyone could claim" in answer.content.decode()


def test_a_local_domain_cannot_be_denied(client: Client, server: Server) -> None:
    answer = post(client, kind="sender_domain", value="practice.test")
    assert "one of your own domains" in answer.content.decode()


def test_a_line_written_by_hand_is_named_with_its_number(
    client: Client, server: Server
) -> None:
    Observed.objects.update(access=b"# mine\nbad@b.example  OK\n")
    answer = post(client, value="bad@b.example").content.decode()
    assert "line 2 says “bad@b.example OK”" in answer


def test_the_lines_written_by_hand_are_shown(client: Client, server: Server) -> None:
    Observed.objects.update(access=b"# mine\nold.example  REJECT\n")
    page = client.get("/entries/").content.decode()
    assert "old.example" in page
    assert "Written by hand" in page


def test_the_address_fills_in_the_form(client: Client, server: Server) -> None:
    page = client.get("/entries/add/?side=allow&kind=sender&value=a@b.example")
    assert page.context["form"]["value"].value() == "a@b.example"
    assert page.context["form"]["side"].value() == "allow"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("text=bad", ["bad@one.example"]),
        ("text=one.example", ["bad@one.example", "one.example"]),
        ("text=@one.example", ["bad@one.example", "one.example"]),
        ("text=192.0.2", ["192.0.2.7"]),
        ("text=ne.exa", []),
        ("text=ne.exa&inside=1", ["bad@one.example", "one.example"]),
        ("side=allow", ["192.0.2.7"]),
        ("kind=sender_domain", ["one.example"]),
        ("state=live", []),
        ("state=new&sort=added", ["one.example", "bad@one.example", "192.0.2.7"]),
        ("side=allow&sort=added", ["192.0.2.7"]),
        ("sort=nonsense&kind=%00", ["192.0.2.7", "bad@one.example", "one.example"]),
        ("text=%00%0A%F0%9F%92%A9", []),
    ],
)
def test_a_search_finds(
    client: Client, server: Server, alice: Actor, query: str, found: list[str]
) -> None:
    want(alice, "allow", "client", "192.0.2.7")
    want(alice, "deny", "sender", "bad@one.example")
    want(alice, "deny", "sender_domain", "one.example")
    rows = client.get(f"/entries/?{query}").context["page"].rows
    assert [row.value for row in rows] == found


@pytest.mark.parametrize("sort", ["value", "added", "expires"])
def test_pages_follow_one_another_without_a_gap(
    client: Client, server: Server, sort: str
) -> None:
    make(120)
    seen: list[str] = []
    after = ""
    while True:
        page = Search(sort=sort).page(after)
        seen += [row.value for row in page.rows]
        after = page.next
        if not after:
            break
    assert sorted(seen) == sorted(Entry.objects.values_list("value", flat=True))


def make(count: int) -> None:
    """So many entries, live since revision 1."""
    now = timezone.now()
    Entry.objects.bulk_create(
        Entry(
            side="deny" if n % 2 else "allow",
            kind="client",
            value=f"192.0.2.{n}",
            lookup=Lookup.CLIENTS,
            added_at=now,
            expires_at=now,
            since_revision=1,
            waiting=False,
        )
        for n in range(count)
    )


@pytest.mark.parametrize("after", ["", "x", "9" * 50, "1:\x00", ":", "1:2:3"])
def test_a_made_up_place_in_the_pages_is_no_error(
    client: Client, server: Server, after: str
) -> None:
    for sort in ("value", "added", "expires"):
        query = {"after": after, "sort": sort}
        assert client.get("/entries/", query).status_code == 200


@pytest.mark.parametrize(
    ("text", "role", "decides"),
    [
        ("bad@sub.one.example", "The sender bad@sub.one.example", "one.example"),
        ("192.0.2.9", "A client at 192.0.2.9", "192.0.2.0/24"),
        ("mx.two.example", "A client named mx.two.example", "two.example"),
        ("good@three.example", "The sender good@three.example", None),
    ],
)
def test_the_page_says_which_entry_decides(
    client: Client,
    server: Server,
    alice: Actor,
    text: str,
    role: str,
    decides: str | None,
) -> None:
    want(alice, "deny", "sender_domain", "one.example")
    want(alice, "deny", "client", "192.0.2.0/24")
    want(alice, "allow", "client_name", "two.example")
    verdicts = client.get("/entries/", {"text": text}).context["verdicts"]
    told = {each.role: each.row and each.row.value for each in verdicts}
    assert told[role] == decides


def test_a_note_is_changed_and_put_on_record(
    client: Client, server: Server, alice: Actor
) -> None:
    row = want(alice, "deny", "sender", "a@b.example")
    client.post(f"/entries/{row.pk}/", {"note": "# {new} $x", "expires": "2099-01-31"})
    row.refresh_from_db()
    assert (row.note, row.expires_at is not None) == ("# {new} $x", True)
    assert "note “# {new} $x”" in Change.objects.filter(what=row.what)[0].after


@pytest.mark.parametrize("bad", ["a\nb", "\u202e", "x" * 10_000])
def test_a_bad_note_is_quoted_and_the_old_one_stays(
    client: Client, server: Server, alice: Actor, bad: str
) -> None:
    row = want(alice, "deny", "sender", "a@b.example")
    answer = client.post(f"/entries/{row.pk}/", {"note": bad, "expires": ""})
    assert repr(bad[:20])[1:-1] in answer.context["form"].errors["note"][0]
    row.refresh_from_db()
    assert row.note == ""


def test_the_page_of_an_entry_says_what_would_still_stop_it(
    client: Client, server: Server, alice: Actor
) -> None:
    row = want(alice, "allow", "sender", "a@b.example")
    page = client.get(f"/entries/{row.pk}/").content.decode()
    assert "Anyone can claim this" in page
    assert "What would still stop this sender?" in page
    assert "never relays for strangers" in page


def test_ticked_entries_go_once_the_number_is_confirmed(
    client: Client, server: Server, alice: Actor
) -> None:
    first = want(alice, "deny", "sender", "a@b.example")
    second = want(alice, "deny", "sender", "c@b.example")
    picks: dict[str, Any] = {"pick": [first.pk, second.pk]}
    assert (
        "Remove 2 entries?" in client.post("/entries/remove/", picks).content.decode()
    )
    assert Entry.objects.count() == 2
    client.post("/entries/remove/", picks | {"confirmed": "2"})
    assert not Entry.objects.exists()


def test_all_that_match_go_and_nothing_else(
    client: Client, server: Server, alice: Actor
) -> None:
    want(alice, "deny", "sender", "a@b.example")
    want(alice, "deny", "sender_domain", "other.example")
    where = "/entries/remove/?text=b.example"
    assert "Remove 1 entry?" in client.post(where, {"all": "1"}).content.decode()
    client.post(where, {"all": "1", "confirmed": "1"})
    assert [row.value for row in services.wanted()] == ["other.example"]


def test_a_number_that_grew_is_asked_again(
    client: Client, server: Server, alice: Actor
) -> None:
    want(alice, "deny", "sender", "a@b.example")
    want(alice, "deny", "sender", "c@b.example")
    answer = client.post("/entries/remove/", {"all": "1", "confirmed": "1"})
    assert "Nothing was removed" in answer.content.decode()
    assert Entry.objects.count() == 2


@pytest.mark.parametrize("pick", ["", "x", "-1", "9" * 40, "1 OR 1=1", "\x00"])
def test_a_made_up_number_removes_nothing(
    client: Client, server: Server, alice: Actor, pick: str
) -> None:
    want(alice, "deny", "sender", "a@b.example")
    client.post("/entries/remove/", {"pick": pick, "confirmed": "0"})
    assert Entry.objects.count() == 1


def test_live_entries_wait_to_go(client: Client, server: Server) -> None:
    make(2)
    client.post("/entries/remove/", {"all": "1", "confirmed": "2"})
    assert {row.state for row in Entry.objects.all()} == {"going"}


def test_a_script_adds_and_removes(server: Server) -> None:
    words = ("deny", "client", "2001:DB8::/48")
    code, told = run("add", *words, "--note", "a script", "--expires", "2099-01-31")
    assert (code, told["entry"]["value"]) == (0, "2001:db8::/48")
    assert Entry.objects.get().note == "a script"
    assert run("remove", *words)[0] == 0
    assert not Entry.objects.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("grow", "deny", "sender", "a@b.example"),
        ("add", "maybe", "sender", "a@b.example"),
        ("add", "deny", "recipient", "a@b.example"),
        ("add", "deny", "sender"),
        ("add", "deny", "sender", "a@b.example\nOK"),
        ("add", "deny", "sender", "<>"),
        ("add", "deny", "sender", "a@b.example", "--note", "a\nb"),
        ("add", "deny", "sender", "a@b.example", "--expires", "tomorrow"),
        ("remove", "deny", "sender", "nobody@b.example"),
        ("import", "/does/not/exist.csv"),
        ("import", "nul\x00byte"),
        ("export", "/does/not/exist/out.csv"),
    ],
)
def test_a_script_gets_exit_2_and_the_bad_word_quoted(
    server: Server, words: tuple[str, ...]
) -> None:
    code, told = run(*words)
    assert (code, told["error"]) == (2, "bad_input")
    assert told["quoted"] in " ".join(words)
    assert not Entry.objects.exists()


TEXTS = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[a-z0-9.@/:\[\]<>*_ #$\"{}-]{1,30}", fullmatch=True),
    st.from_regex(r"[a-zß-ž'+=!-]{1,8}@[a-zß-ž]{1,8}\.[a-z]{2,5}", fullmatch=True),
)
PLAIN_TEXTS = st.one_of(
    st.from_regex(r"[a-z0-9._+-]{1,9}@[a-z0-9.-]{1,12}\.[a-z]{2,3}", fullmatch=True),
    st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", fullmatch=True),
    st.ip_addresses(v=4).map(str),
)
MANY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@MANY
@given(kind=st.sampled_from(list(Kind)), text=TEXTS)
def test_whatever_the_form_takes_is_one_line_of_its_table(
    client: Client, server: Server, kind: Kind, text: str
) -> None:
    Entry.objects.all().delete()
    answer = post(client, kind=kind, value=text)
    if answer.status_code == 200 and answer.context["form"].doubts:
        sure = answer.context["form"]["sure"].value()
        post(client, kind=kind, value=text, sure=sure)
    for row in Entry.objects.all():
        assert_one_line(row)


@MANY
@given(kind=st.sampled_from(list(Kind)), text=TEXTS | PLAIN_TEXTS)
def test_the_short_way_to_read_a_value_gives_the_same(kind: Kind, text: str) -> None:
    short = plain("deny", kind, text)
    assert short is None or short == Line.read("deny", kind, text)


@MANY
@given(note=TEXTS, expires=TEXTS, side=TEXTS)
def test_no_text_in_any_field_breaks_the_form(
    client: Client, server: Server, note: str, expires: str, side: str
) -> None:
    Entry.objects.all().delete()
    answer = post(client, value="a@b.example", note=note, expires=expires, side=side)
    assert answer.status_code in (200, 302)
    for row in Entry.objects.all():
        assert row.note.isprintable()


@MANY
@given(kind=st.sampled_from(list(Kind)), text=TEXTS)
def test_whatever_a_script_may_add_is_one_line_of_its_table(
    server: Server, kind: Kind, text: str
) -> None:
    Entry.objects.all().delete()
    code, told = run("add", "deny", kind, "--", text)
    assert code in (0, 2)
    assert "quoted" in told or Entry.objects.count() == 1
    for row in Entry.objects.all():
        assert_one_line(row)
