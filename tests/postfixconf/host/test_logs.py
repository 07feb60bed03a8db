"""Following a log: every line once, whatever rotation does to its files."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from postfixconf.host.logs import Bookmark, Chunk, FileLog
from tests.support.rotating import RotatingLog, follow

ROTATIONS: dict[str, Callable[[RotatingLog], None]] = {
    "rename": RotatingLog.rename,
    "copytruncate": RotatingLog.copytruncate,
}
rotations = pytest.mark.parametrize("rotate", ROTATIONS.values(), ids=ROTATIONS.keys())


@pytest.fixture
def written(tmp_path: Path) -> RotatingLog:
    """An empty log."""
    return RotatingLog(tmp_path / "mail.log")


@pytest.fixture
def log(written: RotatingLog) -> FileLog:
    """What follows it."""
    return FileLog(written.path)


def long_ago(path: Path) -> None:
    """As if nobody had written to it for a day."""
    os.utime(path, (time.time() - 86400,) * 2)


def test_lines_come_once(written: RotatingLog, log: FileLog) -> None:
    written.write("one\ntwo\n")
    lines, bookmark = follow(log, Bookmark())
    written.write("three\n")
    assert lines + follow(log, bookmark)[0] == ["one", "two", "three"]


def test_following_begins_at_the_end(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n")
    bookmark = log.end()
    written.write("two\n")
    assert follow(log, bookmark)[0] == ["two"]


def test_a_line_without_its_end_waits(written: RotatingLog, log: FileLog) -> None:
    written.write("one\ntw")
    lines, bookmark = follow(log, Bookmark())
    written.write("o\n")
    assert (lines, follow(log, bookmark)[0]) == (["one"], ["two"])


def test_half_a_line_at_the_end_is_read_whole(
    written: RotatingLog, log: FileLog
) -> None:
    written.write("one\ntw")
    bookmark = log.end()
    written.write("o\n")
    assert follow(log, bookmark)[0] == ["two"]


def test_no_more_is_read_than_asked_for(written: RotatingLog, log: FileLog) -> None:
    written.write("".join(f"line {n}\n" for n in range(100)))
    first = log.read(Bookmark(), 50)
    assert first.more
    assert len(first.data) <= 50
    assert len(follow(log, Bookmark(), most=50)[0]) == 100


def test_an_idle_log_leaves_its_bookmark(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    assert log.read(bookmark, 100) == Chunk(b"", bookmark, False, "")


def test_a_bookmark_is_json(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n")
    written.rename()
    written.write("two\n")
    bookmark = follow(log, log.end())[1]
    written.rename()
    bookmark = follow(log, bookmark)[1]
    assert Bookmark.from_json(json.loads(json.dumps(bookmark.as_json()))) == bookmark


def test_an_empty_bookmark_is_an_empty_object() -> None:
    assert Bookmark().as_json() == {}
    assert Bookmark.from_json({}) == Bookmark()


@rotations
def test_what_was_not_read_is_read_after_rotation(
    written: RotatingLog, log: FileLog, rotate: Callable[[RotatingLog], None]
) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    written.write("two\n")
    rotate(written)
    written.write("three\n")
    assert follow(log, bookmark)[0] == ["two", "three"]


@rotations
def test_several_rotations_between_two_reads(
    written: RotatingLog, log: FileLog, rotate: Callable[[RotatingLog], None]
) -> None:
    written.write("0\n")
    bookmark = follow(log, Bookmark())[1]
    for number in range(1, 6):
        written.write(f"{number}\n")
        rotate(written)
    assert sorted(follow(log, bookmark)[0]) == ["1", "2", "3", "4", "5"]


@rotations
def test_files_packed_while_nobody_looked(
    written: RotatingLog, log: FileLog, rotate: Callable[[RotatingLog], None]
) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    for text in ("two\n", "three\n"):
        written.write(text)
        rotate(written)
        written.pack()
    assert sorted(follow(log, bookmark)[0]) == ["three", "two"]


@rotations
def test_a_log_that_was_empty_when_last_seen(
    written: RotatingLog, log: FileLog, rotate: Callable[[RotatingLog], None]
) -> None:
    bookmark = follow(log, Bookmark())[1]
    written.write("one\n")
    rotate(written)
    written.write("two\n")
    assert follow(log, bookmark)[0] == ["one", "two"]


@rotations
def test_half_a_first_line_hides_nothing(
    written: RotatingLog, log: FileLog, rotate: Callable[[RotatingLog], None]
) -> None:
    written.write("Nov 1\n")
    bookmark = follow(log, Bookmark())[1]
    written.write("Nov 2\n")
    rotate(written)
    written.write("N")
    lines, bookmark = follow(log, bookmark)
    assert (lines, log.read(bookmark, 1000).trouble) == (["Nov 2"], "")
    written.write("ov 3\n")
    assert follow(log, bookmark)[0] == ["Nov 3"]


@rotations
def test_half_a_line_rotated_away_hides_nothing(
    written: RotatingLog, log: FileLog, rotate: Callable[[RotatingLog], None]
) -> None:
    written.write("Nov 1\n")
    bookmark = follow(log, Bookmark())[1]
    for text in ("Nov 2\n", "N", "Nov 3\n"):
        rotate(written)
        written.write(text)
    bookmark = follow(log, bookmark)[1]
    rotate(written)
    written.write("Nov 4\n")
    assert follow(log, bookmark)[0] == ["Nov 4"]


def test_a_slow_writer_is_still_read(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    written.rename()
    written.write("new\n")
    bookmark = follow(log, bookmark)[1]
    written.write("late\n", 1)
    assert follow(log, bookmark)[0] == ["late"]


def test_a_slow_writer_whose_file_is_packed(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n")
    written.rename()
    bookmark = follow(log, log.end())[1]
    written.write("late\n", 1)
    written.pack()
    lines, bookmark = follow(log, bookmark)
    assert (lines, bookmark.old) == (["late"], ())


def test_a_slow_writer_when_following_begins(
    written: RotatingLog, log: FileLog
) -> None:
    written.write("one\n")
    written.rename()
    bookmark = log.end()
    written.write("late\n", 1)
    assert follow(log, bookmark)[0] == ["late"]


def test_a_still_file_is_done_with(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    written.rename()
    long_ago(written.rotated(1))
    bookmark = follow(log, bookmark)[1]
    assert (bookmark.old, len(bookmark.past)) == ((), 1)


def test_half_a_line_waits_in_a_rotated_file(
    written: RotatingLog, log: FileLog
) -> None:
    written.write("one\ntw")
    bookmark = follow(log, Bookmark())[1]
    written.rename()
    assert follow(log, bookmark)[0] == []
    long_ago(written.rotated(1))
    assert follow(log, bookmark)[0] == ["tw"]


def test_a_file_done_with_is_not_read_again_when_packed(
    written: RotatingLog, log: FileLog
) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    written.rename()
    long_ago(written.rotated(1))
    bookmark = follow(log, bookmark)[1]
    written.pack()
    os.utime(written.path.with_name("mail.log.1.gz"))
    written.write("two\n")
    written.rename()
    assert follow(log, bookmark)[0] == ["two"]


def test_files_rotated_before_are_left(written: RotatingLog, log: FileLog) -> None:
    written.write("before\n")
    written.rename()
    long_ago(written.rotated(1))
    bookmark = log.end()
    written.write("one\n")
    written.rename()
    assert follow(log, bookmark)[0] == ["one"]


def test_copytruncate_grown_past_the_old_position(
    written: RotatingLog, log: FileLog
) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    written.copytruncate()
    written.write("another, much longer than what was there\n")
    assert follow(log, bookmark)[0] == ["another, much longer than what was there"]


def test_an_unfinished_copy_is_not_read(written: RotatingLog, log: FileLog) -> None:
    written.write("zero\n")
    written.rename()
    bookmark = follow(log, Bookmark())[1]
    written.write("one\ntwo\n")
    written.rotated(2).write_text("one\ntw")
    assert follow(log, bookmark)[0] == ["one", "two"]


def test_an_unfinished_packing_is_not_read(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n" * 5000)
    written.rename()
    whole = written.rotated(1).read_bytes()
    written.pack()
    packed = written.path.with_name("mail.log.1.gz")
    packed.write_bytes(packed.read_bytes()[:-30])
    bookmark = Bookmark(log=str(written.path.resolve()))
    written.rotated(1).write_bytes(whole)
    assert len(follow(log, bookmark)[0]) == 5000


@pytest.mark.parametrize(
    "name",
    """
    mail.log.0 mail.log.old mail.log-20260131 mail.log.20260131-235959
    mail-20260131.log mail.log-2026013123-1769900000
    """.split(),
)
def test_any_name_that_rotation_gives(
    written: RotatingLog, log: FileLog, name: str
) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    written.write("two\n")
    written.path.rename(written.path.with_name(name))
    assert follow(log, bookmark)[0] == ["two"]


def test_other_files_beside_it_are_not_read(written: RotatingLog, log: FileLog) -> None:
    bookmark = follow(log, Bookmark())[1]
    for name in ("mail.logs", "mail.log.bak", "mail.log.txt", "syslog.1", "mail.err.1"):
        written.path.with_name(name).write_text("foreign\n")
    assert follow(log, bookmark)[0] == []


def test_a_log_deleted_and_made_anew(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    written.path.unlink()
    written.write("two\n")
    chunk = log.read(bookmark, 1000)
    assert chunk.data == b"two\n"
    assert "lines may be missing" in chunk.trouble


def test_missing_lines_are_told_for_an_hour(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    written.path.unlink()
    written.write("two\n")
    bookmark = follow(log, bookmark)[1]
    assert "lines may be missing" in log.read(bookmark, 1000).trouble
    later = Bookmark.from_json(bookmark.as_json() | {"gap_at": time.time() - 3601})
    assert log.read(later, 1000).trouble == ""


def test_a_log_not_yet_made_anew(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    written.write("two\n")
    written.path.rename(written.rotated(1))
    chunk = log.read(bookmark, 1000)
    assert chunk.data == b"two\n"
    assert chunk.trouble == f"There is no log file {written.path}."
    written.write("three\n")
    assert follow(log, chunk.bookmark)[0] == ["three"]


def test_a_log_that_shrinks(written: RotatingLog, log: FileLog) -> None:
    written.write("one\ntwo\nthree\n")
    bookmark = follow(log, Bookmark())[1]
    os.truncate(written.path, len("one\ntwo\n"))
    text = written.path.read_text()
    bookmark = Bookmark.from_json(
        bookmark.as_json() | {"live": named(written.path, text, position=14)}
    )
    chunk = log.read(bookmark, 1000)
    assert "has become shorter" in chunk.trouble
    written.write("four\n")
    assert follow(log, chunk.bookmark)[0] == ["four"]


def named(path: Path, text: str, position: int) -> list[str | int]:
    """A place in a file of which only the first bytes are known."""
    short = follow(FileLog(path), Bookmark())[1].live
    assert short is not None
    assert short.position == len(text)
    return [short.log, short.fingerprint, position]


def test_a_log_emptied_by_hand(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    os.truncate(written.path, 0)
    written.write("two\n")
    assert follow(log, bookmark)[0] == ["two"]


def test_a_rotation_undone(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    written.rename()
    bookmark = follow(log, bookmark)[1]
    written.rotated(1).rename(written.path)
    written.write("two\n")
    assert follow(log, bookmark)[0] == ["two"]


def test_a_link_is_followed_to_its_file(tmp_path: Path) -> None:
    elsewhere = tmp_path / "data"
    elsewhere.mkdir()
    written = RotatingLog(elsewhere / "postfix.log")
    log = FileLog(tmp_path / "mail.log")
    log.path.symlink_to(written.path)
    written.write("one\n")
    lines, bookmark = follow(log, Bookmark())
    written.write("two\n")
    written.rename()
    written.write("three\n")
    assert lines + follow(log, bookmark)[0] == ["one", "two", "three"]


def test_a_link_led_to_another_file(tmp_path: Path) -> None:
    link = tmp_path / "mail.log"
    for day, text in (("mon", "one\n"), ("tue", "three\n")):
        (tmp_path / day).write_text(text)
    link.symlink_to(tmp_path / "mon")
    bookmark = follow(FileLog(link), Bookmark())[1]
    (tmp_path / "mon").write_text("one\ntwo\n")
    link.unlink()
    link.symlink_to(tmp_path / "tue")
    assert follow(FileLog(link), bookmark)[0] == ["two", "three"]


def test_another_maillog_file(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    written.write("two\n")
    other = RotatingLog(written.path.with_name("postfix.log"))
    other.write("old\n")
    other.rename()
    other.write("three\n")
    long_ago(other.rotated(1))
    assert follow(FileLog(other.path), bookmark)[0] == ["two", "three"]


def test_maillog_file_there_and_back(written: RotatingLog, log: FileLog) -> None:
    other = FileLog(written.path.with_name("postfix.log"))
    other.path.write_text("two\n")
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    long_ago(written.path)
    bookmark = follow(other, bookmark)[1]
    written.write("three\n")
    assert follow(log, bookmark)[0] == ["three"]


def test_a_line_too_long_is_cut(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n" + "x" * 3_000_000 + "NOT A LINE\ntwo\n")
    lines = follow(log, Bookmark(), most=1000)[0]
    assert [line[:3] for line in lines] == ["one", "xxx", "two"]
    assert len(lines[1]) == 1 << 20


def test_a_line_too_long_still_being_written(
    written: RotatingLog, log: FileLog
) -> None:
    written.write("x" * 3_000_000)
    lines, bookmark = follow(log, Bookmark())
    assert [len(line) for line in lines] == [1 << 20]
    written.write("NOT A LINE\ntwo\n")
    assert follow(log, bookmark)[0] == ["two"]


def test_odd_bytes_come_as_they_are(written: RotatingLog, log: FileLog) -> None:
    odd = b"\x00\xff\x1b[31m\r\xc3\n\n\xe2\x80\xae\n"
    written.path.write_bytes(odd)
    assert log.read(Bookmark(), 1000).data == odd


def test_a_directory_is_a_sentence(tmp_path: Path) -> None:
    chunk = FileLog(tmp_path).read(Bookmark(), 1000)
    assert (
        chunk.trouble
        == f"The log {tmp_path} cannot be read: it is not a file with lines."
    )


def test_a_pipe_is_a_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mail.log")
    chunk = FileLog(tmp_path / "mail.log").read(Bookmark(), 1000)
    assert "not a file with lines" in chunk.trouble


def test_a_log_hidden_for_a_while(written: RotatingLog, log: FileLog) -> None:
    written.write("one\n")
    bookmark = follow(log, Bookmark())[1]
    away = written.path.rename(written.path.with_name("away"))
    written.path.mkdir()
    hidden = log.read(bookmark, 1000)
    assert "cannot be read" in hidden.trouble
    written.path.rmdir()
    away.rename(written.path)
    written.write("two\n")
    assert follow(log, hidden.bookmark)[0] == ["two"]


def test_a_broken_rotated_file(written: RotatingLog, log: FileLog) -> None:
    written.write("zero\n")
    bookmark = follow(log, Bookmark())[1]
    written.write("".join(f"line {n * n}\n" for n in range(9000)))
    written.rename()
    written.pack()
    packed = written.path.with_name("mail.log.1.gz")
    packed.write_bytes(packed.read_bytes()[:-2000])
    written.write("last\n")
    chunk = log.read(bookmark, 1 << 20)
    assert chunk.data.startswith(b"line 0\nline 1\n")
    assert chunk.data.endswith(b"last\n")
    assert "mail.log.1.gz cannot be read" in chunk.trouble


def test_what_went_before_is_known_again(written: RotatingLog, log: FileLog) -> None:
    written.write("one\ntwo\n")
    bookmark = follow(log, Bookmark())[1]
    written.rename()
    written.write("three\n")
    bookmark = follow(log, bookmark)[1]
    written.write("four\n")
    assert log.before(bookmark, 1000) == b"one\ntwo\nthree\n"
    assert log.before(bookmark, 12) == b"two\nthree\n"
    assert log.before(bookmark, 9) == b"three\n"
    assert log.before(Bookmark(), 1000) == b""
