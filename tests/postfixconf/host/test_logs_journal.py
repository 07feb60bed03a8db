"""Following a machine that logs to the journal alone, with true journals."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from postfixconf.host.logs import Bookmark, FileLog, JournalLog, source_of, suppressed
from postfixconf.maillog.lines import split
from tests.support.journals import entry, write

HEAD = b"2023-11-14T22:13:21.000000+00:00 mx postfix/smtpd[7]: "
DROPPED = "a596d6fe7bfa4994828e72309e95d61e"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal with three lines of Postfix's, and one that is somebody else's."""
    path = tmp_path / "system.journal"
    entries = [entry(n, f"line {n}".encode()) for n in (1, 2, 3)]
    write(path, *entries, entry(4, b"foreign", SYSLOG_FACILITY="4"))
    return path


@pytest.fixture
def log(journal: Path) -> JournalLog:
    """What follows it."""
    return JournalLog(journal.parent)


def said(data: bytes) -> list[str]:
    """The messages of lines."""
    return [line.decode().split("]: ")[1] for line in data.splitlines()]


def message(journal: Path, *entries: bytes) -> bytes:
    """The lines of new entries."""
    log = JournalLog(journal.parent)
    bookmark = log.end()
    write(journal, *entries)
    return log.read(bookmark, 1000).data


def test_entries_come_as_syslog_lines(log: JournalLog) -> None:
    data = log.read(Bookmark(), 1000).data
    assert data.splitlines()[0] == HEAD + b"line 1"
    assert said(data) == ["line 1", "line 2", "line 3"]
    assert split(data.splitlines()[0]) is not None


def test_entries_come_once(log: JournalLog, journal: Path) -> None:
    bookmark = log.read(Bookmark(), 1000).bookmark
    write(journal, entry(5, b"line 5"))
    chunk = log.read(bookmark, 1000)
    assert said(chunk.data) == ["line 5"]
    assert log.read(chunk.bookmark, 1000) == (b"", chunk.bookmark, False, "")


def test_following_begins_at_the_end(log: JournalLog, journal: Path) -> None:
    bookmark = log.end()
    write(journal, entry(5, b"line 5"))
    assert said(log.read(bookmark, 1000).data) == ["line 5"]


def test_no_more_is_read_than_asked_for(log: JournalLog) -> None:
    first = log.read(Bookmark(), 10)
    assert (said(first.data), first.more) == (["line 1"], True)
    rest = log.read(first.bookmark, 1000)
    assert (said(rest.data), rest.more) == (["line 2", "line 3"], False)


def test_a_long_journal_is_read_piece_by_piece(tmp_path: Path) -> None:
    sent = [f"{n} {'x' * 3000}" for n in range(1000)]
    entries = [entry(n, text.encode()) for n, text in enumerate(sent)]
    write(tmp_path / "system.journal", *entries)
    bookmark, found, more = Bookmark(), b"", True
    while more:
        data, bookmark, more, _ = JournalLog(tmp_path).read(bookmark, 300_000)
        assert len(data) < 310_000
        found += data
    assert said(found) == sent


def test_one_large_entry_is_read(journal: Path) -> None:
    large = b"x" * 900_000
    assert message(journal, entry(5, large)).endswith(b": " + large + b"\n")


def test_rotated_journals_are_one(log: JournalLog, journal: Path) -> None:
    bookmark = log.end()
    journal.rename(journal.with_name("system@1.journal"))
    write(journal, entry(5, b"line 5"))
    assert said(log.read(bookmark, 1000).data) == ["line 5"]


def test_a_message_of_odd_bytes(journal: Path) -> None:
    assert message(journal, entry(5, b"a\xff\x1b[31m"))[-8:] == b"a\xff\x1b[31m\n"


def test_a_newline_makes_no_second_line(journal: Path) -> None:
    data = message(journal, entry(5, b"helo=<a\nNov  2 08:01:02 mx forged\r>"))
    assert said(data) == ["helo=<a#012Nov  2 08:01:02 mx forged#015>"]


def test_a_newline_in_another_field(journal: Path) -> None:
    known = entry(5, b"text")
    forged = b"SYSLOG_IDENTIFIER\n\x03\0\0\0\0\0\0\0a\nb\n"
    odd = known.replace(b"SYSLOG_IDENTIFIER=postfix/smtpd\n", forged)
    assert b"mx a#012b[7]: text\n" in message(journal, odd)


def test_a_field_given_twice(journal: Path) -> None:
    twice = entry(5, b"one").replace(b"_HOSTNAME=mx\n", b"_HOSTNAME=mx\n_HOSTNAME=my\n")
    assert b" mx postfix/smtpd[7]: one" in message(journal, twice)


def test_a_program_without_name_or_number(journal: Path) -> None:
    bare = entry(5, b"text", SYSLOG_IDENTIFIER="", SYSLOG_PID="", _HOSTNAME="")
    assert message(journal, bare).endswith(b" localhost unknown: text\n")


def test_what_journald_threw_away_is_told(journal: Path) -> None:
    told = b"Suppressed 12 messages from postfix@-.service"
    fields = {"SYSLOG_FACILITY": "5", "SYSLOG_IDENTIFIER": "systemd-journald"}
    data = message(journal, entry(5, told, MESSAGE_ID=DROPPED, **fields))
    assert suppressed(data) == 12


def test_entries_thrown_away_before_they_were_read(
    log: JournalLog, journal: Path
) -> None:
    bookmark = log.end()
    journal.unlink()
    write(journal, entry(9, b"line 9"))
    chunk = log.read(bookmark, 1000)
    assert said(chunk.data) == ["line 9"]
    assert "lines may be missing" in chunk.trouble
    assert "lines may be missing" in log.read(chunk.bookmark, 1000).trouble


def test_a_journal_that_was_emptied(log: JournalLog, journal: Path) -> None:
    bookmark = log.end()
    journal.unlink()
    write(journal, entry(9, b"foreign", SYSLOG_FACILITY="4"))
    chunk = log.read(bookmark, 1000)
    assert (chunk.data, chunk.bookmark) == (b"", bookmark)
    assert "lines may be missing" in chunk.trouble


def test_a_cursor_of_no_journal(log: JournalLog) -> None:
    chunk = log.read(Bookmark(cursor="nonsense"), 1000)
    assert said(chunk.data) == ["line 1", "line 2", "line 3"]
    assert "lines may be missing" in chunk.trouble


def test_an_absent_journal_is_a_sentence(tmp_path: Path) -> None:
    chunk = JournalLog(tmp_path / "absent").read(Bookmark(), 1000)
    assert chunk.trouble.startswith("The journal cannot be read: ")
    assert "No such file or directory" in chunk.trouble


def test_a_damaged_journal_is_a_sentence_or_empty(tmp_path: Path) -> None:
    (tmp_path / "system.journal").write_bytes(b"LPKSHHRH" + b"\xff" * 5000)
    assert JournalLog(tmp_path).read(Bookmark(), 1000).data == b""


def test_an_empty_journal_is_followed_by_the_clock(log: JournalLog) -> None:
    assert said(log.read(Bookmark(at=1_700_000_002.0), 1000).data) == [
        "line 2",
        "line 3",
    ]


def test_what_went_before_is_known_again(log: JournalLog) -> None:
    bookmark = log.end()
    whole = log.before(bookmark, 1000)
    assert said(whole) == ["line 1", "line 2", "line 3"]
    assert said(log.before(bookmark, len(whole) - 1)) == ["line 2", "line 3"]
    assert log.before(Bookmark(), 1000) == b""


def test_a_bookmark_keeps_its_cursor_in_json(log: JournalLog) -> None:
    bookmark = log.end()
    assert bookmark.cursor
    assert Bookmark.from_json(json.loads(json.dumps(bookmark.as_json()))) == bookmark


def test_a_journal_has_no_older_files(log: JournalLog) -> None:
    assert log.older(log.end()) == []


def test_from_the_journal_to_a_file(log: JournalLog, tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_text("one\n")
    chunk = FileLog(tmp_path / "mail.log").read(log.end(), 1000)
    assert (chunk.data, chunk.bookmark.cursor) == (b"one\n", "")


def test_the_log_named_by_postfix_is_followed(tmp_path: Path) -> None:
    assert source_of(f"{tmp_path}/mail.log") == FileLog(tmp_path / "mail.log")
    assert isinstance(source_of(""), FileLog | JournalLog)


def test_a_gap_is_kept_beside_the_cursor() -> None:
    bookmark = replace(Bookmark(cursor="s=1").with_gap("gone"), at=1.0)
    assert Bookmark.from_json(bookmark.as_json()).told() == "gone"
