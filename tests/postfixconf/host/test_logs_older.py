"""What could be read besides the followed log, and reading a file in slices."""

import bz2
import gzip
import lzma
import os
import time
from pathlib import Path

import pytest

from postfixconf.errors import FileFailed
from postfixconf.host.logs import (
    Bookmark,
    FileLog,
    fingerprint,
    slices,
)
from tests.support.rotating import RotatingLog, follow

TEXT = "".join(f"line {n}\n" for n in range(5000))


@pytest.fixture
def written(tmp_path: Path) -> RotatingLog:
    """A log with a day in FILE.2.gz, one in FILE.1, and today's."""
    written = RotatingLog(tmp_path / "mail.log")
    for day in ("mon", "tue", "wed"):
        written.write(f"{day} 1\n{day} 2\n")
        if day != "wed":
            written.rename()
            os.utime(written.rotated(1), (time.time() - 90000,) * 2)
    written.pack(2)
    return written


def read(path: Path, position: int = 0, most: int = 1 << 20) -> str:
    """All of a file's lines."""
    return b"".join(each.data for each in slices(path, position, most)).decode()


def everything(log: FileLog, bookmark: Bookmark) -> list[str]:
    """The lines of all that is offered besides what is followed."""
    found: list[str] = []
    for old in log.older(bookmark):
        for each in slices(old.path, until=old.limit):
            found += each.data.decode().splitlines()
    return found


def test_older_files_and_the_part_before_are_offered(written: RotatingLog) -> None:
    log = FileLog(written.path)
    offered = log.older(log.end())
    names = [old.path.name for old in offered]
    assert names == ["mail.log.2.gz", "mail.log.1", "mail.log"]
    assert [old.size for old in offered] == [None, 12, 12]
    assert [old.limit for old in offered] == [None, None, 12]


def test_each_line_is_older_or_followed(written: RotatingLog) -> None:
    log = FileLog(written.path)
    bookmark = log.end()
    older = everything(log, bookmark)
    written.write("wed 3\n")
    written.rename()
    written.write("thu 1\n")
    followed, bookmark = follow(log, bookmark)
    assert older == ["mon 1", "mon 2", "tue 1", "tue 2", "wed 1", "wed 2"]
    assert followed == ["wed 3", "thu 1"]
    assert everything(log, bookmark) == older


def test_the_part_before_is_found_in_a_packed_file(written: RotatingLog) -> None:
    log = FileLog(written.path)
    bookmark = log.end()
    written.write("wed 3\n")
    written.rename()
    written.pack()
    assert everything(log, follow(log, bookmark)[1])[-2:] == ["wed 1", "wed 2"]


def test_from_nothing_the_rotated_files_are_older(written: RotatingLog) -> None:
    log = FileLog(written.path)
    assert everything(log, Bookmark()) == ["mon 1", "mon 2", "tue 1", "tue 2"]
    assert everything(log, follow(log, Bookmark())[1])[-1] == "tue 2"


def test_a_gzip_file_says_its_size(tmp_path: Path) -> None:
    (tmp_path / "mail.log.1.gz").write_bytes(gzip.compress(TEXT.encode()))
    assert FileLog(tmp_path / "mail.log").older(Bookmark())[0].size == len(TEXT)


def test_slices_with_a_least_begin_and_end_short(tmp_path: Path) -> None:
    whole = b"a line of twenty...\n" * 1000
    (tmp_path / "old").write_bytes(whole)
    given = [each.data for each in slices(tmp_path / "old", most=4000, least=500)]
    sizes = [len(data) for data in given if data]
    assert sizes[:4] == [500, 1000, 2000, 4000]
    assert sizes[-1] <= 500 < max(sizes[4:]) <= 4000
    assert b"".join(given) == whole


def test_an_old_file_is_read_in_slices(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_text(TEXT)
    several = list(slices(path, most=1000))
    assert b"".join(each.data for each in several).decode() == TEXT
    assert all(len(each.data) <= 1000 for each in several)
    assert [each.end for each in several[-2:]] == [False, True]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_files_are_read_by_what_they_hold(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    (tmp_path / "named anyhow").write_bytes(pack(TEXT.encode()))
    assert read(tmp_path / "named anyhow", most=1000) == TEXT


def test_reading_goes_on_from_a_position(tmp_path: Path) -> None:
    (tmp_path / "old.gz").write_bytes(gzip.compress(TEXT.encode()))
    first = next(slices(tmp_path / "old.gz", most=1000))
    assert first.data.decode() + read(tmp_path / "old.gz", first.position) == TEXT


def test_the_last_line_counts_without_a_newline(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("one\ntwo")
    assert read(tmp_path / "old") == "one\ntwo\n"


def test_an_empty_file_has_an_end(tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    assert [each.end for each in slices(tmp_path / "old")] == [True]


@pytest.mark.parametrize("name", ["absent", "", "a\0b"])
def test_what_is_no_readable_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileFailed, match=r"absent|lines|file name"):
        read(tmp_path / name)


def test_broken_packing_is_told_after_what_was_good(tmp_path: Path) -> None:
    path = tmp_path / "mail.log.3.gz"
    path.write_bytes(gzip.compress(TEXT.encode())[:-3000])
    found = ""
    with pytest.raises(FileFailed, match=r"mail\.log\.3\.gz: it is broken"):
        for each in slices(path, most=1000):
            found += each.data.decode()
    assert len(found) > 1000
    assert TEXT.startswith(found.rsplit("\n", 2)[0])


def test_a_file_that_only_begins_like_gzip_is_broken(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"\x1f\x8b nothing of the kind")
    with pytest.raises(FileFailed, match="it is broken"):
        read(tmp_path / "old")


def test_a_fingerprint_outlives_rotation(written: RotatingLog) -> None:
    name = fingerprint(written.path)
    written.rename()
    assert fingerprint(written.rotated(1)) == name
    written.pack()
    assert fingerprint(written.path.with_name("mail.log.1.gz")) == name


def test_other_contents_have_other_fingerprints(written: RotatingLog) -> None:
    assert fingerprint(written.path) != fingerprint(written.rotated(1))


def test_a_file_is_found_again_after_rotation(written: RotatingLog) -> None:
    log, path = FileLog(written.path), written.rotated(1)
    name = fingerprint(path)
    assert log.find(path, name) == path
    written.rename()
    written.pack(2)
    assert log.find(path, name) == written.path.with_name("mail.log.2.gz")


def test_a_file_that_is_gone_is_not_found(written: RotatingLog) -> None:
    name = fingerprint(written.rotated(1))
    written.rotated(1).unlink()
    assert FileLog(written.path).find(written.rotated(1), name) is None


def test_what_stood_before_comes_in_the_order_it_was_written(tmp_path: Path) -> None:
    written = RotatingLog(tmp_path / "mail.log")
    log, mark = FileLog(written.path), FileLog(written.path).end()
    for number in range(4):
        written.write(f"line {number}\n")
        _, mark = follow(log, mark)
        written.rename()
    written.pack(2)  # done with, while older ones may still be written
    _, mark = follow(log, mark)
    assert log.before(mark, 1000) == b"line 0\nline 1\nline 2\nline 3\n"
