"""`manage.py ingest`: whatever file it is given, and each line once."""

import gzip
import io
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from mailguard.accounts.models import User
from mailguard.servers.models import Server
from mailguard.traffic import intake
from mailguard.traffic.models import Attempt, Log
from tests.support.logged import line, refusal, refusals, server_with

pytestmark = pytest.mark.usefixtures("here")
KEYS = {"path", "state", "lines", "new_lines", "attempts", "cause"}


@pytest.fixture
def here(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server, and Alice at its terminal, in a directory that is hers."""
    server_with(tmp_path)
    User.objects.create_user("alice", is_superuser=True)
    monkeypatch.chdir(tmp_path)


def ingest(*names: str | Path) -> tuple[int, dict[str, Any]]:
    """The exit code and the object that is printed."""
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command(
            "ingest", *map(str, names), "--json", stdout=out, stderr=io.StringIO()
        )
    assert isinstance(ended.value.code, int)
    return ended.value.code, json.loads(out.getvalue())


def test_a_log_is_read_and_told() -> None:
    path = Path("one.log")
    path.write_bytes(b"".join(refusals(5)))
    code, told = ingest(path)
    [file] = told["files"]
    assert (code, set(file)) == (0, KEYS)
    assert (file["path"], file["state"]) == (str(path.resolve()), "done")
    assert (file["lines"], file["new_lines"], file["attempts"]) == (5, 5, 5)
    assert Log.objects.get().lines == Attempt.objects.count() == 5


def test_the_same_again_is_nothing_new() -> None:
    data = b"".join(refusals(5))
    Path("one.log").write_bytes(data)
    Path("two.log").write_bytes(data)
    Path("one.log.gz").write_bytes(gzip.compress(data))
    code, told = ingest("one.log", "one.log.gz", "two.log", "one.log")
    assert code == 0
    assert [each["new_lines"] for each in told["files"]] == [5, 0, 0, 0]
    assert Log.objects.get().lines == Attempt.objects.count() == 5


@pytest.mark.parametrize("before", [4, 2])
def test_a_log_that_grew_is_read_from_where_it_ended(before: int) -> None:
    path = Path("one.log")
    path.write_bytes(b"".join(refusals(before)))
    ingest(path)
    path.write_bytes(b"".join(refusals(9)))
    code, told = ingest(path)
    assert (code, told["files"][0]["new_lines"]) == (0, 9 - before)
    assert Attempt.objects.count() == 9


@pytest.mark.parametrize("name", ["gone.log", "-", "a\nb", ".", "/dev/zero", "pipe"])
def test_what_is_no_file_is_refused_by_name(name: str) -> None:
    os.mkfifo("pipe")
    code, told = ingest(name)
    assert (code, set(told)) == (1, {"error", "message", "quoted"})
    assert str(Path(name).resolve()) in told["message"]
    assert Log.objects.count() == 0 or Log.objects.get().lines == 0


def test_nothing_is_read_where_one_of_the_files_is_none() -> None:
    Path("one.log").write_bytes(refusal(1))
    code, _ = ingest("one.log", "gone.log")
    assert (code, Attempt.objects.count()) == (1, 0)


@pytest.mark.parametrize("cut", [1, 9, 40, 2000])
def test_what_stands_before_a_break_is_kept(cut: int) -> None:
    some = random.Random(1)
    many = [*refusals(2000)]
    some.shuffle(many)
    packed = gzip.compress(b"".join(many))
    Path("one.log.gz").write_bytes(packed[:-cut])
    code, told = ingest("one.log.gz")
    [file] = told["files"]
    assert (code, file["state"]) == (1, "failed")
    assert str(Path("one.log.gz").resolve()) in file["cause"]
    assert file["lines"] == Log.objects.get().lines == Attempt.objects.count()
    assert file["lines"] >= (1990 if cut < 10 else 1)


def test_a_break_in_the_middle_loses_nothing_before_it() -> None:
    first, rest = b"".join(refusals(100)), b"".join(refusals(100, start=100))
    broken = bytearray(gzip.compress(rest))
    broken[30:60] = bytes(30)
    Path("one.log.gz").write_bytes(gzip.compress(first) + broken)
    code, told = ingest("one.log.gz")
    assert (code, told["files"][0]["state"]) == (1, "failed")
    assert Attempt.objects.count() >= 100


@pytest.mark.parametrize(
    "data", [b"", gzip.compress(b"", mtime=0), b"\n", b"\0" * 5000]
)
def test_a_file_with_nothing_in_it_is_read(data: bytes) -> None:
    Path("one.log").write_bytes(data)
    code, told = ingest("one.log")
    assert (code, told["files"][0]["state"]) == (0, "done")
    assert Attempt.objects.count() == 0


def test_a_file_that_is_not_postfixs_is_counted_as_foreign() -> None:
    Path("one.log").write_bytes(
        b"root:x:0:0\n" * 50
        + line("hello", "cron") * 9
        + random.Random(1).randbytes(9999)
    )
    code, told = ingest("one.log")
    assert (code, told["files"][0]["attempts"]) == (0, 0)
    row = Log.objects.get()
    assert row.foreign == row.lines
    assert row.unknown == {}


def test_a_line_of_a_hundred_megabytes_is_one_line() -> None:
    with Path("one.log").open("wb") as file:
        file.write(refusal(1))
        file.truncate(file.tell() + (100 << 20))  # a hole: NULs
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + refusal(2))
    code, told = ingest("one.log")
    assert (code, told["files"][0]["attempts"]) == (0, 2)


@pytest.mark.parametrize("before", [1, 20])
def test_a_log_that_is_followed_is_read_to_where_that_began(
    tmp_path: Path, before: int
) -> None:
    log = tmp_path / "mail.log"
    log.write_bytes(b"".join(refusals(before)))
    intake.following.clear()
    server = Server.objects.get()
    intake.follow(server)
    with log.open("ab") as file:
        file.write(b"".join(refusals(5, start=100)))
    assert ingest(log)[1]["files"][0]["new_lines"] == before
    assert intake.follow(server) == 5
    assert ingest(log)[1]["files"][0]["new_lines"] == 0
    assert Log.objects.get().lines == Attempt.objects.count() == before + 5
