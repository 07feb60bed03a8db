"""The published list: fetched by the worker, proven on postgrey, or left as it was."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.utils import timezone

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.errors import NotNow
from mailguard.greylisting import refresh, refresh_worker
from mailguard.greylisting.refresh_models import Every, Refresh, Source, State
from mailguard.servers.models import Server
from postfixconf.errors import BadValue
from postfixconf.host import files
from postfixconf.host.postgreys import Running, readers
from postfixconf.text.postgrey_files import written
from tests.support.corpus import corpus
from tests.support.https import Answer, Web, serving
from tests.support.postgrey import Postgrey
from tests.support.postgrey import serving as serving_postgrey
from tests.support.waiting import eventually

PAGE = "/greylisting/whitelist/refresh/"
OLD = b"# the list\nold.example.com\n"
NEW = b"# the list\nold.example.com\nnew.example.net\n"
JUNK = os.urandom(1_000_000) * 100
PREFIX = "schweikert+postgrey__c"
VERSIONS = [path for path in corpus("postgrey") if path.name.startswith(PREFIX)]
# What the web server answers, and what the sentence quotes or says.
BAD = {
    "broken regular expression": (Answer(b"/^mail(\\d\\.example$/\n"), "'/^mail("),
    "100 MB of junk": (Answer(JUNK), "100,000,000 bytes"),
    "100 MB that are not announced": (Answer(JUNK, silent=True), "more than the"),
    "a web page": (Answer(b"<html><body>Not here</body></html>\n"), "'<html><body>"),
    "an empty file": (Answer(b""), "is empty"),
    "another host": (Answer(status=302, moved="https://evil.example/"), "evil.example"),
    "no https": (Answer(status=302, moved="http://localhost/"), "http://localhost/"),
    "cut off": (Answer(NEW, length=999), "cut off"),
    "cut off in silence": (Answer(NEW, silent=True), "cut off"),
    "half a line": (Answer(b"old.example.com\nnew.exam"), "'new.exam'"),
    "a dot": (Answer(b"old.example.com\n.\n"), "'.'"),
    "every name": (Answer(b"old.example.com\n/.*/\n"), "'/.*/'"),
    "every address": (Answer(b"old.example.com\n0.0.0.0/0\n"), "'0.0.0.0/0'"),
    "shrunk": (Answer(b"other.example.com\n"), "'old.example.com'"),
    "not there": (Answer(status=404), "404"),
    "an error": (Answer(status=500), "500"),
}


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A web server that is believed, with OLD as the list."""
    with serving() as web:
        monkeypatch.setenv("SSL_CERT_FILE", str(web.ca))
        web.answers["/list"] = Answer(OLD, etag='"old"')
        yield web


@pytest.fixture
def server(web: Web, alice: Actor) -> Iterator[Server]:
    """A server that has the list from there, only asked for."""
    with tempfile.TemporaryDirectory(prefix="mailguard-", dir="/tmp") as room:
        Path(room).chmod(0o755)
        made = Server.objects.create(name="local", config_dir=room)
        plan = {"every": "off", "url": web.url(), "most": 30}
        refresh.schedule(server=made, actor=alice, **plan)  # type: ignore[arg-type]
        yield made


@pytest.fixture
def postgrey(server: Server) -> Iterator[Postgrey]:
    """One that was started with the published list, which is not there yet."""
    path = refresh_worker.path_of(server)
    with serving_postgrey(f"--whitelist-clients={path}") as postgrey:
        yield postgrey


@pytest.fixture
def live(server: Server, postgrey: Postgrey, alice: Actor) -> Refresh:
    """OLD, live and read by postgrey."""
    row = fetched(server, alice)
    assert row.state == State.APPLIED, row.cause
    return row


def tended(server: Server, seconds: float = 30) -> None:
    """Let the worker get on until nothing is under way."""

    def idle() -> bool:
        refresh_worker.tend(server)
        return refresh.unfinished(server) is None

    eventually(idle, seconds)


def fetched(server: Server, actor: Actor, **how: bool) -> Refresh:
    """Ask for the list, and how that ended."""
    row = refresh.ask(server=server, actor=actor, **how)
    tended(server)
    row.refresh_from_db()
    return row


def uploaded(server: Server, actor: Actor, data: bytes) -> Refresh:
    """The same with a file."""
    row = refresh.upload(server=server, name="list.txt", data=data, actor=actor)
    tended(server)
    row.refresh_from_db()
    return row


def on_disk(server: Server) -> str:
    """The list as it stands; empty where there is none."""
    path = refresh_worker.path_of(server)
    return path.read_text() if path.exists() else ""


def whole(data: bytes) -> str:
    """The file with this list."""
    return written(data.decode())


def daemon(server: Server) -> Running:
    """The one postgrey that reads the list."""
    (found,) = readers(refresh_worker.path_of(server))
    assert isinstance(found, Running)
    return found


def waits(server: Server, name: str) -> bool:
    """Whether a client of this name is put off."""
    nobody = f"bob-{time.time_ns()}@practice.test"
    return daemon(server).answer(name, nobody).startswith("DEFER_IF_PERMIT")


def test_a_good_list_goes_live_and_is_on_record(
    server: Server, live: Refresh, web: Web, alice: Actor
) -> None:
    web.answers["/list"] = Answer(NEW, etag='"new"')
    assert waits(server, "new.example.net")
    row = fetched(server, alice)
    assert (row.state, row.entries, row.come, row.go) == (State.APPLIED, 2, 1, 0)
    assert on_disk(server) == whole(NEW)
    assert not waits(server, "new.example.net")
    change = Change.objects.first()
    assert change is not None
    assert (change.actor_name, change.what) == ("alice", "published whitelist")
    assert (change.before, change.after) == ("1 entries", "2 entries (+1, -0)")


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_list_changes_nothing(
    server: Server, live: Refresh, web: Web, alice: Actor, kind: str
) -> None:
    web.answers["/list"], said = BAD[kind]
    pid = daemon(server).pid
    row = fetched(server, alice)
    assert row.state == State.REFUSED
    assert said in row.cause
    assert "Nothing was changed" in row.cause
    assert on_disk(server) == whole(OLD)
    assert daemon(server).pid == pid
    assert not waits(server, "old.example.com")
    assert waits(server, "new.example.net")


def test_a_wrong_certificate_changes_nothing(
    server: Server, live: Refresh, web: Web, alice: Actor
) -> None:
    wrong = web.url(host="127.0.0.1")
    refresh.schedule(server=server, every="off", url=wrong, most=30, actor=alice)
    row = fetched(server, alice)
    assert row.state == State.REFUSED
    assert "cannot prove that it is 127.0.0.1" in row.cause
    assert on_disk(server) == whole(OLD)


def test_an_unknown_authority_changes_nothing(
    server: Server,
    live: Refresh,
    alice: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    row = fetched(server, alice)
    assert "certificate is not accepted" in row.cause
    assert on_disk(server) == whole(OLD)


def test_what_is_not_new_does_not_come_again(
    server: Server, live: Refresh, web: Web, alice: Actor
) -> None:
    row = fetched(server, alice)
    assert row.state == State.UNCHANGED
    assert web.asked[-1][1]["If-None-Match"] == '"old"'
    assert on_disk(server) == whole(OLD)


def test_the_same_list_without_a_tag_is_told_too(
    server: Server, live: Refresh, web: Web, alice: Actor
) -> None:
    web.answers["/list"] = Answer(OLD)
    assert fetched(server, alice).state == State.UNCHANGED


def test_a_list_that_is_gone_comes_again(
    server: Server, live: Refresh, web: Web, alice: Actor
) -> None:
    refresh_worker.path_of(server).unlink()
    assert fetched(server, alice).state == State.APPLIED
    assert "If-None-Match" not in web.asked[-1][1]
    assert on_disk(server) == whole(OLD)


def test_a_hand_edit_stays_until_somebody_says_otherwise(
    server: Server, live: Refresh, web: Web, alice: Actor
) -> None:
    web.answers["/list"] = Answer(NEW)
    path = refresh_worker.path_of(server)
    path.write_text(path.read_text() + "mine.example\n")
    row = fetched(server, alice)
    assert row.state == State.REFUSED
    assert "edited by hand" in row.cause
    assert "mine.example" in on_disk(server)
    assert fetched(server, alice, over_edit=True).state == State.APPLIED
    assert on_disk(server) == whole(NEW)


def test_a_postgrey_that_hangs_keeps_the_old_list(
    server: Server, live: Refresh, web: Web, alice: Actor
) -> None:
    web.answers["/list"] = Answer(NEW)
    pid = daemon(server).pid
    os.kill(pid, signal.SIGSTOP)
    try:
        row = fetched(server, alice)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert row.state == State.REFUSED
    assert "does not answer" in row.cause
    assert on_disk(server) == whole(OLD)


def test_a_list_that_postgrey_may_not_read_is_put_back(
    server: Server, live: Refresh, web: Web, alice: Actor
) -> None:
    web.answers["/list"] = Answer(NEW)
    refresh_worker.path_of(server).chmod(0o600)
    row = fetched(server, alice)
    assert row.state == State.ROLLED_BACK
    assert "may its user read" in row.cause
    assert on_disk(server) == whole(OLD)


def test_without_postgrey_the_list_is_ready_for_it(
    server: Server, alice: Actor
) -> None:
    row = fetched(server, alice)
    assert row.state == State.APPLIED, row.cause
    assert "No postgrey" in row.said
    assert on_disk(server) == whole(OLD)


def test_the_page_says_so_where_no_postgrey_reads_the_list(
    client: Browser, server: Server, live: Refresh
) -> None:
    assert b"no postgrey runs here" not in client.get(PAGE).content
    found = client.get("/greylisting/whitelist/").content
    assert b"no postgrey runs here" in found
    assert b"mailguard/postgrey_clients" in found
    assert b"postgrey_published" not in found


def test_an_uploaded_file_goes_the_same_way(
    server: Server, live: Refresh, alice: Actor
) -> None:
    assert uploaded(server, alice, b"old.example.com\n.\n").state == State.REFUSED
    assert on_disk(server) == whole(OLD)
    assert uploaded(server, alice, NEW).state == State.APPLIED
    assert not waits(server, "new.example.net")


def test_an_old_list_is_put_back(server: Server, live: Refresh, alice: Actor) -> None:
    uploaded(server, alice, NEW)
    back = refresh.put_back(server=server, row=live, actor=alice)
    tended(server)
    back.refresh_from_db()
    assert (back.state, back.source) == (State.APPLIED, Source.BACK)
    assert on_disk(server) == whole(OLD)
    assert waits(server, "new.example.net")


def test_one_at_a_time(server: Server, alice: Actor) -> None:
    refresh.ask(server=server, actor=alice)
    with pytest.raises(NotNow, match="waiting for the worker"):
        refresh.ask(server=server, actor=alice)


def test_an_apply_at_work_is_waited_for(
    server: Server, live: Refresh, alice: Actor
) -> None:
    row = refresh.upload(server=server, name="x", data=NEW, actor=alice)
    with files.locked(Path(server.config_dir)):
        refresh_worker.tend(server)
        row.refresh_from_db()
        assert row.state == State.INSTALLING
        assert on_disk(server) == whole(OLD)
    tended(server)
    assert on_disk(server) == whole(NEW)


def test_a_slow_web_server_holds_nobody_up(
    server: Server, live: Refresh, web: Web, alice: Actor
) -> None:
    web.answers["/list"] = Answer(NEW, gate=(gate := Event()))
    row = refresh.ask(server=server, actor=alice)
    begun = time.monotonic()
    for _ in range(10):
        refresh_worker.tend(server)
    assert time.monotonic() - begun < 1
    row.refresh_from_db()
    assert row.state == State.FETCHING
    assert on_disk(server) == whole(OLD)
    gate.set()
    tended(server)
    assert on_disk(server) == whole(NEW)


def test_what_was_being_fetched_when_the_worker_died_is_fetched_anew(
    server: Server, live: Refresh, web: Web, alice: Actor
) -> None:
    web.answers["/list"] = Answer(NEW, gate=(gate := Event()))
    row = refresh.ask(server=server, actor=alice)
    refresh_worker.tend(server)
    refresh_worker.downloads.clear()  # another process knows of none
    gate.set()
    tended(server)
    row.refresh_from_db()
    assert row.state == State.APPLIED, row.cause
    assert [path for path, _ in web.asked] == ["/list"] * 3


def test_what_was_put_in_place_when_the_worker_died_is_finished(
    server: Server, live: Refresh, alice: Actor
) -> None:
    row = refresh.upload(server=server, name="x", data=NEW, actor=alice)
    with files.locked(Path(server.config_dir)):
        refresh_worker.tend(server)
    refresh_worker.path_of(server).write_text(whole(NEW))  # and then it was killed
    tended(server)
    row.refresh_from_db()
    assert row.state == State.APPLIED, row.cause
    assert not waits(server, "new.example.net")


def test_a_kill_in_the_middle_of_a_download_leaves_the_list(
    server: Server, live: Refresh, web: Web
) -> None:
    web.answers["/list"] = Answer(NEW, gate=(gate := Event()))
    code = (
        "from postfixconf.host.download import fetch\n"
        "from postfixconf.host.refresh import install, judged\n"
        "from pathlib import Path\nimport sys\n"
        "data = fetch(sys.argv[1]).data\n"
        "install(judged(data, None).render(), Path(sys.argv[2]))\n"
    )
    path = str(refresh_worker.path_of(server))
    before = len(web.asked)
    with subprocess.Popen([sys.executable, "-c", code, web.url(), path]) as child:
        eventually(lambda: len(web.asked) > before, 10)
        child.kill()
    gate.set()
    assert on_disk(server) == whole(OLD)
    assert [each.name for each in Path(path).parent.iterdir()] == ["postgrey_published"]
    assert not waits(server, "old.example.com")


@pytest.mark.parametrize(("every", "days"), [(Every.WEEKLY, 7), (Every.MONTHLY, 30)])
def test_it_is_fetched_by_itself_when_its_time_has_come(
    server: Server, live: Refresh, web: Web, alice: Actor, every: Every, days: int
) -> None:
    plan = {"every": every, "url": web.url(), "most": 30}
    refresh.schedule(server=server, actor=alice, **plan)  # type: ignore[arg-type]
    for age, count in ((days - 1, 1), (days, 2)):
        then = timezone.now() - timedelta(days=age, seconds=1)
        Refresh.objects.filter(pk=live.pk).update(asked_at=then)
        tended(server)
        assert Refresh.objects.count() == count
    last = Refresh.objects.first()
    assert last is not None
    assert (last.author_name, last.state) == ("mailguard", State.UNCHANGED)


def test_one_that_failed_is_told_and_tried_again_the_next_day(
    server: Server, web: Web, alice: Actor, client: Browser
) -> None:
    client.force_login(get_user_model().objects.get())
    assert "was not refreshed" not in client.get("/").content.decode()
    web.answers["/list"] = Answer(status=500)
    plan = {"every": "monthly", "url": web.url(), "most": 30}
    refresh.schedule(server=server, actor=alice, **plan)  # type: ignore[arg-type]
    tended(server)
    at = refresh.due_at(server)
    assert at is not None
    assert timedelta(hours=23) < at - timezone.now() < timedelta(hours=25)
    told = client.get("/").content.decode()
    assert "was not refreshed" in told
    assert "500" in told


def test_off_is_never_fetched(server: Server) -> None:
    refresh_worker.tend(server)
    assert not Refresh.objects.exists()
    assert refresh.due_at(server) is None


def test_a_schedule_is_on_record(server: Server, web: Web, alice: Actor) -> None:
    refresh.schedule(server=server, every="weekly", url=web.url(), most=5, actor=alice)
    change = Change.objects.first()
    assert change is not None
    assert change.after.startswith("every week, from https://")
    assert not refresh.schedule(
        server=server, every="weekly", url=web.url(), most=5, actor=alice
    )


@pytest.mark.parametrize(
    ("every", "url", "most"),
    [("daily", "https://x.example/", 1), ("off", "http://x/", 1),
     ("off", "https://x.example/", 101)],
)  # fmt: skip
def test_a_bad_schedule_is_refused(
    server: Server, alice: Actor, every: str, url: str, most: int
) -> None:
    with pytest.raises(BadValue):
        refresh.schedule(server=server, every=every, url=url, most=most, actor=alice)


def test_the_page_tells_outcome_diff_and_schedule(
    client: Browser, server: Server, live: Refresh, web: Web
) -> None:
    web.answers["/list"] = Answer(NEW)
    answer = client.post(f"{PAGE}now/", follow=True)
    assert b"Waiting" in answer.content
    tended(server)
    page = client.get(answer.request["PATH_INFO"]).content.decode()
    assert "Live: 2 entries" in page
    assert '<span class="added">+new.example.net</span>' in page
    page = client.get(PAGE).content.decode()
    assert "2 entries, put in place" in page
    assert "fetched only when somebody asks" in page


def test_the_form_quotes_what_is_wrong(client: Browser, server: Server) -> None:
    sent = {"every": "x", "url": "http://a.example/<b>", "most": "many"}
    page = client.post(f"{PAGE}schedule/", sent).content.decode()
    assert "&#x27;x&#x27;: choose" in page
    assert "begins with https://" in page
    assert "<b>" not in page.split("<main")[1].replace("</b>", "")
    assert "&#x27;many&#x27;: a whole number" in page


def test_a_file_that_is_too_large_is_refused_at_once(
    client: Browser, server: Server
) -> None:
    file = SimpleUploadedFile("big.txt", b"x" * 1_000_001)
    page = client.post(f"{PAGE}upload/", {"file": file}).content.decode()
    assert "1,000,001 bytes" in page
    assert not Refresh.objects.exists()


def test_an_upload_goes_to_the_worker(client: Browser, server: Server) -> None:
    file = SimpleUploadedFile("list.txt", OLD)
    client.post(f"{PAGE}upload/", {"file": file})
    row = Refresh.objects.get()
    assert (row.state, row.source, row.name) == (State.QUEUED, Source.FILE, "list.txt")
    assert on_disk(server) == ""


@pytest.mark.skipif(len(VERSIONS) < 2, reason="the published list is not here")
def test_every_published_version_follows_the_one_before(
    server: Server, postgrey: Postgrey, web: Web, alice: Actor
) -> None:
    refresh.schedule(server=server, every="off", url=web.url(), most=100, actor=alice)
    before = b""
    for path in VERSIONS:
        data = path.read_bytes()
        web.answers["/list"] = Answer(data, etag=hashlib.sha256(data).hexdigest())
        row = fetched(server, alice)
        wanted = State.UNCHANGED if data == before else State.APPLIED
        assert row.state == wanted, row.cause
        found = refresh_worker.path_of(server).read_bytes()
        assert found.endswith(data)
        before = data
    assert not waits(server, "mail.amazon.com")
    assert json.loads(json.dumps(refresh.live(server).notes)) == []  # type: ignore[union-attr]
