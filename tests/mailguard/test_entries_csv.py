"""Files of entries: checked first, imported all at once, exported as they were."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes import worker
from mailguard.errors import NotNow
from mailguard.lists import checking, csvfile, imports, services, tasks
from mailguard.lists.models import Entry, Import, Staged
from mailguard.servers.models import Server
from postfixconf.policy import sources
from postfixconf.policy.entries import Entry as Line
from postfixconf.policy.entries import Kind, Lookup
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.text.access import lines_of
from tests.support.practice import Practice

GOOD = "deny,sender,bad@one.example,twice,\nallow,client,192.0.2.0/24,,2099-01-31\n"


@pytest.fixture
def server(shared_practice: Practice, db: None) -> Server:
    """One for all: nothing here reaches Postfix."""
    made = Server.objects.create(
        name="local", config_dir=str(shared_practice.instance.config_dir)
    )
    worker.tend(made)
    return made


def checked(data: str | bytes, actor: Actor) -> Import:
    """A file that was uploaded and checked."""
    data = data.encode() if isinstance(data, str) else data
    job = imports.upload(name="list.csv", chunks=[data], actor=actor)
    while checking.check(job=job):
        pass
    job.refresh_from_db()
    return job


def imported(data: str | bytes, actor: Actor) -> Import:
    """A file that was imported."""
    job = checked(data, actor)
    imports.confirm(job=job)
    imports.carry_out(job=job)
    return job


def run(*words: str) -> tuple[int, dict[str, Any]]:
    """`manage.py entries … --json`: exit code and object."""
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("entries", "--json", *words, stdout=out)
    return int(str(ended.value.code)), json.loads(out.getvalue())


def values() -> list[str]:
    """What is wanted."""
    return sorted(services.wanted().values_list("value", flat=True))


def test_a_check_changes_nothing_and_says_what_an_import_would_do(
    server: Server, alice: Actor
) -> None:
    services.add(entry=Line.read("deny", "sender", "bad@one.example"), actor=alice)
    services.add(entry=Line.read("deny", "client", "192.0.2.0/24"), actor=alice)
    job = checked(GOOD + "deny,sender,new@one.example\nnonsense\n", alice)
    told = (job.state, job.added, job.there, job.moved, job.refused)
    assert told == ("checked", 1, 1, 1, 1)
    assert services.wanted().count() == 2


def test_an_import_adds_all_and_puts_one_change_on_record(
    server: Server, alice: Actor
) -> None:
    job = imported(GOOD, alice)
    assert (job.state, values()) == ("done", ["192.0.2.0/24", "bad@one.example"])
    change = Change.objects.get(what="entries")
    assert (change.before, change.after) == ("", "+2 from list.csv")
    row = services.find(Kind.SENDER, "bad@one.example")
    assert row is not None
    assert (row.note, row.author_name, row.state) == ("twice", "alice", "new")
    assert not Staged.objects.exists()
    assert not Path(job.path).exists()


@pytest.mark.parametrize(
    "data",
    [
        GOOD,
        "side,kind,value,note,expires\n" + GOOD,
        "\ufeff" + GOOD,
        "\ufeffSide;Kind;Value;Note;Expires\r\n"
        + GOOD.replace(",", ";").replace("\n", "\r\n"),
        GOOD.replace(",", ";"),
        GOOD.rstrip("\n"),
        "\n" + GOOD.replace("\n", "\n\n"),
        '"deny","sender","bad@one.example","twice"\n"allow","client","192.0.2.0/24"',
    ],
)
def test_files_of_every_usual_shape_are_read(
    server: Server, alice: Actor, data: str
) -> None:
    job = imported(data, alice)
    assert (job.refused, values()) == (0, ["192.0.2.0/24", "bad@one.example"])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"deny,sender", "columns"),
        (b"deny,sender,a@b.example,x,,more", "columns"),
        (b"maybe,sender,a@b.example", "allow or deny"),
        (b"deny,recipient,a@b.example", "one of"),
        (b"deny,sender,<>", "bounces"),
        (b"deny,sender,a@practice.test", "own domains"),
        (b"deny,sender,a@b.example OK", "not a domain name"),
        (b"deny,sender,$x{y}#z", "not an address"),
        (b'deny,sender,"a@b.example', "not a line of CSV"),
        (b"deny,sender,a\x00@b.example", "invisible"),
        (b"deny,sender,\xe2\x80\xaea@b.example", "invisible"),
        (b"deny,sender,\xff@b.example", "not UTF-8"),
        (b"deny,sender,a@b.example,\x1b[31m", "invisible"),
        (b"deny,sender,a@b.example,," + b"2001-01-01", "over already"),
        (b"deny,sender,a@b.example,,soon", "not a time"),
        (b"deny,sender," + b"x" * 10_000 + b"@b.example", "longer than"),
        (b"allow,client,192.0.2.0/24", "line 2 has it already"),
    ],
)
def test_a_bad_line_is_reported_with_its_number_and_spoils_no_other(
    client: Client, server: Server, alice: Actor, line: bytes, reason: str
) -> None:
    job = imported(GOOD.encode() + line + b"\ndeny,helo,last\n", alice)
    [(number, quote, why)] = checking.refusals(job, 50)
    assert (number, job.refused) == (3, 1)
    assert reason in why
    assert quote[:8].lstrip("'") == line[:8].decode()
    assert values() == ["192.0.2.0/24", "bad@one.example", "last"]
    report = b"".join(client.get(f"/entries/import/{job.pk}/refused/"))
    assert report.decode().startswith("3,")


def test_every_refused_line_stands_in_the_report(
    client: Client, server: Server, alice: Actor
) -> None:
    job = checked("nonsense\n" * 120, alice)
    page = client.get(f"/entries/import/{job.pk}/").content.decode()
    assert "The first 50 of 120" in page
    answer = client.get(f"/entries/import/{job.pk}/refused/")
    report = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert len(list(csv.reader(StringIO(report)))) == 120


def test_a_line_that_reaches_far_is_shown_in_the_preview(
    client: Client, server: Server, alice: Actor
) -> None:
    job = checked("deny,client,10.0.0.0/8\ndeny,sender_domain,co.uk\n", alice)
    page = client.get(f"/entries/import/{job.pk}/").content.decode()
    assert "Line 1: 10.0.0.0/8 holds 16,777,216 addresses." in page
    assert "Line 2: Everybody can register" in page


def test_a_changed_side_takes_the_old_entry_away(server: Server, alice: Actor) -> None:
    imported("deny,helo,one\ndeny,helo,two\n", alice)
    Entry.objects.filter(value="two").update(since_revision=1, waiting=False)
    job = imported("allow,helo,one\nallow,helo,two\n", alice)
    assert (job.added, job.moved) == (0, 2)
    assert set(services.wanted().values_list("side", flat=True)) == {"allow"}
    assert Entry.objects.get(side="deny").state == "going"


def test_an_entry_about_to_go_stays_instead(server: Server, alice: Actor) -> None:
    imported("deny,helo,one\n", alice)
    Entry.objects.update(since_revision=1, waiting=False)
    services.remove_all(rows=services.wanted(), actor=alice)
    imported("deny,helo,one\n", alice)
    assert Entry.objects.get().state == "live"


def test_nothing_is_imported_while_its_entries_are_being_applied(
    server: Server, alice: Actor
) -> None:
    imported("deny,helo,one\n", alice)
    Entry.objects.update(claimed=7)
    job = imported("deny,helo,two\nallow,helo,one\n", alice)
    assert job.state == "failed"
    assert "being applied" in job.cause
    assert values() == ["one"]


def test_a_failure_in_the_middle_leaves_nothing_half(
    server: Server, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(imports, "record", fail)
    job = imported(GOOD, alice)
    assert (job.state, values()) == ("failed", [])
    assert "disk full" in job.cause


def test_a_cancelled_import_leaves_nothing(server: Server, alice: Actor) -> None:
    job = checked(GOOD, alice)
    imports.cancel(job=job)
    with pytest.raises(NotNow):
        imports.confirm(job=job)
    imports.carry_out(job=job)
    assert (job.state, values()) == ("cancelled", [])
    assert not Staged.objects.exists()
    assert not Path(job.path).exists()


@pytest.mark.parametrize("verb", ["confirm", "cancel"])
def test_who_had_to_sign_in_again_is_back_at_the_import(
    server: Server, alice: Actor, client: Client, verb: str
) -> None:
    job = checked(GOOD, alice)
    answer = client.get(reverse(f"lists:{verb}", args=[job.pk]), follow=True)
    back = reverse("lists:job", args=[job.pk])
    assert answer.redirect_chain == [(back, 302)]
    job.refresh_from_db()
    assert job.state == "checked"


def test_a_check_that_was_cut_off_goes_on_where_it_was(
    server: Server, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "BATCH", 2)
    lines = [f"deny,helo,host{n}\nbad\n" for n in range(5)]
    job = imports.upload(name="x", chunks=["".join(lines).encode()], actor=alice)
    assert checking.check(job=job, seconds=0)
    with job.report.open("a") as report:
        report.write("half a li")
    while checking.check(job=job, seconds=0):
        pass
    assert (job.added, job.refused, job.lines) == (5, 5, 10)
    assert [n for n, _, _ in checking.refusals(job, 9)] == [2, 4, 6, 8, 10]


def test_a_lost_message_is_sent_again(
    server: Server, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = imports.upload(name="x", chunks=[GOOD.encode()], actor=alice)
    Import.objects.update(touched_at="2026-01-01T00:00:00Z")
    told: list[Import] = []
    monkeypatch.setattr(imports, "tell_worker", told.append)
    tasks.tend()
    assert told == [job]


def test_a_task_checks_and_then_imports(server: Server, alice: Actor) -> None:
    job = imports.upload(name="x", chunks=[GOOD.encode()], actor=alice)
    tasks.work(job.pk)
    tasks.work(job.pk)
    assert values() == []
    job.refresh_from_db()
    imports.confirm(job=job)
    tasks.work(job.pk)
    tasks.work(job.pk)
    assert len(values()) == 2
    tasks.work(job.pk + 1)


def upload(client: Client, name: str, data: bytes) -> Any:
    """The upload form, sent."""
    file = SimpleUploadedFile(name, data)
    return client.post("/entries/import/", {"file": file}, follow=True)


def test_an_upload_leads_to_its_page(client: Client, server: Server) -> None:
    page = upload(client, "<b>list.csv", GOOD.encode()).content.decode()
    assert "Import of &lt;b&gt;list.csv" in page
    assert "Waiting for the worker" in page


def test_an_empty_file_is_refused_by_name(client: Client, server: Server) -> None:
    page = upload(client, "nothing.csv", b"").content.decode()
    assert "nothing.csv&#x27; is empty" in page
    assert not Import.objects.exists()


def test_no_file_at_all_is_said(client: Client, server: Server) -> None:
    answer = client.post("/entries/import/", {})
    assert answer.context["form"].errors["file"]


def test_old_imports_are_forgotten(server: Server, alice: Actor) -> None:
    old = checked(GOOD, alice)
    Import.objects.update(created_at="2026-01-01T00:00:00Z")
    checked(GOOD, alice)
    assert not Import.objects.filter(pk=old.pk).exists()
    assert not Path(old.path).exists()


@pytest.mark.parametrize("state", ["importing", "done", "failed", "cancelled"])
def test_an_import_in_any_state_has_its_page(
    client: Client, server: Server, alice: Actor, state: str
) -> None:
    job = checked(GOOD, alice)
    Import.objects.update(state=state)
    page = client.get(f"/entries/import/{job.pk}/")
    assert f'data-state="{state}"' in page.content.decode()
    client.post(f"/entries/import/{job.pk}/confirm/")
    client.post(f"/entries/import/{job.pk}/cancel/")
    assert Import.objects.get().state == state


def exported(client: Client, query: str = "") -> str:
    """The file that a browser gets."""
    answer = client.get(f"/entries/export/?{query}")
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def test_an_export_is_what_the_filter_shows(
    client: Client, server: Server, alice: Actor
) -> None:
    imported(GOOD, alice)
    lines = exported(client, "side=deny").splitlines()
    assert lines == [
        "side,kind,value,note,expires",
        "deny,sender,bad@one.example,twice,",
    ]


@pytest.mark.parametrize(
    "note", ["=1+1", "+x", "-x", "@x", "'=x", "''@", "'", '"a",;b']
)
def test_no_cell_is_a_formula_and_all_come_back(
    client: Client, server: Server, alice: Actor, note: str
) -> None:
    entry = Line.read("deny", "sender", "=a@b.example")
    services.add(entry=entry, note=note, actor=alice)
    file = exported(client)
    cells = list(csv.reader(StringIO(file)))[1]
    assert not any(cell.startswith(tuple("=+-@")) for cell in cells)
    services.remove_all(rows=services.wanted(), actor=alice)
    assert imported(file, alice).refused == 0
    row = services.wanted().get()
    assert (row.value, row.note) == ("=a@b.example", note)


def test_a_script_imports_and_exports(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text(GOOD)
    code, told = run("import", str(file), "--dry-run")
    assert (code, told["added"], values()) == (0, 2, [])
    code, told = run("import", str(file))
    assert (code, told["added"], len(values())) == (0, 2, 2)
    assert file.exists()
    code, told = run("export", str(tmp_path / "out.csv"))
    assert (code, told["exported"]) == (0, 2)
    assert run("import", str(tmp_path / "out.csv"))[1]["there"] == 2


def test_a_bad_line_stops_a_script_unless_it_may_be_skipped(
    server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "in.csv"
    file.write_text(GOOD + "deny,sender,<>\n")
    code, told = run("import", str(file))
    assert (code, told["quoted"], values()) == (2, "deny,sender,<>", [])
    assert told["refused"][0]["line"] == 3
    code, told = run("import", str(file), "--skip-refused")
    assert (code, told["added"], told["refused_count"]) == (0, 2, 1)


CELLS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["allow", "deny", "sender", "client", "helo", "a@b.example", "'"]),
    st.from_regex(r"[a-z0-9.@/:=+'-]{1,20}", fullmatch=True),
)
MANY = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@MANY
@given(lines=st.lists(st.lists(CELLS, min_size=1, max_size=6), max_size=8))
def test_whatever_a_file_brings_in_is_one_line_of_its_table(
    server: Server, alice: Actor, lines: list[list[str]]
) -> None:
    Entry.objects.all().delete()
    imported("".join(map(csvfile.line_of, lines)), alice)
    for row in Entry.objects.all():
        lookup = Lookup(row.lookup)
        text = "".join(sources.lines(lookup, [row.entry], OwnDomains(), dotted=False))
        found = lines_of(text)
        assert found[0].key == row.value
        assert {line.action for line in found} == {row.entry.action}


@MANY
@given(data=st.binary(max_size=300))
def test_no_bytes_break_a_check(server: Server, alice: Actor, data: bytes) -> None:
    job = checked(data, alice)
    assert job.state == "checked"
    assert job.lines >= job.refused


@MANY
@given(cells=st.lists(st.text().filter(lambda t: "\n" not in t and "\r" not in t)))
def test_cells_come_back_from_a_line(cells: list[str]) -> None:
    if len(cells) > 1:
        text = csvfile.line_of(cells).rstrip("\r\n")
        assert csvfile.split(text, ",") == cells
