"""How lookup tables stand on the disk, and what stands in them."""

import os
from dataclasses import asdict
from pathlib import Path

import pytest

from postfixconf.host.commands import run
from postfixconf.host.maps import seen_map
from postfixconf.policy.linting.around import Around, MapState, SeenMap


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table's source, old enough for everybody."""
    (tmp_path / "main.cf").touch()
    source = tmp_path / "list"
    source.write_text("192.0.2.1 OK\nbad.example REJECT\n")
    for path in (source, tmp_path / "main.cf"):
        os.utime(path, (1_000_000, 1_000_000))
    return source


def built(table: Path) -> SeenMap:
    """The table as postmap has built it."""
    run("postmap", "-c", str(table.parent), f"hash:{table}")
    return seen_map(f"hash:{table}")


def test_a_built_table_is_fine_and_says_whom_it_lets_in(table: Path) -> None:
    found = built(table)
    assert (found.state, found.permits) == (MapState.FINE, ("192.0.2.1 OK",))


def test_a_table_that_is_not_there_is_missing(tmp_path: Path) -> None:
    assert seen_map(f"hash:{tmp_path}/none").state is MapState.MISSING
    assert seen_map(f"cidr:{tmp_path}/none").state is MapState.MISSING


def test_a_source_without_its_index_was_never_built(table: Path) -> None:
    found = seen_map(f"hash:{table}")
    assert (found.state, found.detail) == (MapState.NOT_BUILT, f"{table}.db")


def test_an_index_without_its_source_is_all_postfix_needs(table: Path) -> None:
    built(table)
    table.unlink()
    assert seen_map(f"hash:{table}").state is MapState.FINE


def test_a_source_that_changed_after_it_was_built_is_stale(table: Path) -> None:
    built(table)
    os.utime(table)
    later = table.stat().st_mtime + 5
    os.utime(table, (later, later))
    assert seen_map(f"hash:{table}").state is MapState.STALE


def test_a_directory_is_no_table(tmp_path: Path) -> None:
    found = seen_map(f"texthash:{tmp_path}")
    assert (found.state, found.detail) == (MapState.UNREADABLE, "it is no file")


def test_proxymap_reads_no_table_of_root_alone(table: Path) -> None:
    table.chmod(0o600)
    assert seen_map(f"proxy:texthash:{table}").state is MapState.UNREADABLE
    assert seen_map(f"texthash:{table}").state is MapState.FINE


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("hash", "lonely.example"),
        ("texthash", "lonely.example"),
        ("cidr", "192.0.2.1/24 REJECT"),
        ("cidr", "mail.example REJECT"),
        ("regexp", "no-delimiters REJECT"),
        ("pcre", "/never closed"),
    ],
)
def test_a_malformed_line_is_told_with_its_number(
    table: Path, kind: str, line: str
) -> None:
    table.write_text(f"# what follows is wrong\n{line}\n")
    [bad] = seen_map(f"{kind}:{table}").malformed
    assert bad.startswith("line 2: ")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("cidr", "192.0.2.0/24 OK\n!2001:db8::/32 REJECT\nif 10.0.0.0/8\nendif\n"),
        ("regexp", "/^a b$/ OK\n!/x\\/y/i REJECT\nif /x/\n/y/ OK\nendif\n"),
        ("pcre", "|^a$| REJECT\n/(a)(b)/x OK $1\n"),
        ("hash", "a@b OK\n# c\n  \nd\n REJECT\n"),
    ],
)
def test_well_formed_lines_are_left_alone(table: Path, kind: str, text: str) -> None:
    table.write_text(text)
    assert seen_map(f"{kind}:{table}").malformed == ()


def test_what_was_seen_comes_back_from_json() -> None:
    maps = (SeenMap("hash:/x", MapState.STALE, "why", ("line 1",), ("a OK",)),)
    there = Around(maps, (("192.0.2.1", "the gateway"),))
    assert Around.from_json(asdict(there)) == there
