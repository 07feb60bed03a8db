"""Building lookup tables: what a person wrote stays, what we wrote is found again."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postfixconf.errors import FileFailed, HostError, Refusal
from postfixconf.host import tables
from postfixconf.host.apply import Applied, Refused, RolledBack
from postfixconf.host.checkpoint import LARGE
from postfixconf.host.commands import run
from postfixconf.host.recovery import recover
from postfixconf.policy.entries import Entry, Lookup
from postfixconf.policy.plan import Action
from postfixconf.policy.table import HEADER, Table
from postfixconf.text.access import BEGIN, END
from tests.postfixconf.host.test_recover import kill_at
from tests.support.facts import installed
from tests.support.practice import Practice, fail_at, text_lines

INDEXED = [k for k in ("hash", "btree", "lmdb") if k in installed().table_types]
OURS = "a.example REJECT\nb@ permit_auth_destination\n"
DENY = [Entry.read("deny", "sender_domain", "good.example")]
GOOD = ("alice@good.example", "bob@practice.test")
HONEST = "127.0.0.10"


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A configuration directory with an old main.cf, so that nothing waits."""
    (tmp_path / "main.cf").touch()
    os.utime(tmp_path / "main.cf", (0, 0))
    return tmp_path


def access(text: str = OURS, kind: str = "hash", hand: str = "") -> Table:
    """The sender table with these lines of ours."""
    return Table("access", kind, "1", text_lines(text), hand)


def make(etc: Path, table: Table) -> None:
    """Build a table and put it into place."""
    with tables.room_in(etc) as room:
        for staged in tables.build(etc, room, table):
            staged.install()


def content(etc: Path, kind: str, path: str = "access") -> list[str]:
    """What an index holds, by `postmap -s`."""
    done = run("postmap", "-c", str(etc), "-s", f"{kind}:{etc / path}")
    return sorted(done.out.splitlines())


@pytest.mark.parametrize("kind", INDEXED)
def test_a_table_is_source_and_index(etc: Path, kind: str) -> None:
    make(etc, access(kind=kind))
    assert (etc / "access").read_text() == f"{BEGIN}{OURS}{END}"
    assert content(etc, kind) == ["a.example\tREJECT", "b@\tpermit_auth_destination"]


def test_a_table_of_networks_has_no_index(etc: Path) -> None:
    text = "192.0.2.0/25 REJECT\n192.0.2.0/24 permit_auth_destination\n"
    make(etc, Table(Lookup.NETWORKS, "cidr", "1", text_lines(text)))
    assert (etc / Lookup.NETWORKS).read_text() == HEADER + text
    assert [each.name for each in (etc / "mailguard").iterdir()] == ["networks"]
    words = ("postmap", "-q", "192.0.2.200", f"cidr:{etc / Lookup.NETWORKS}")
    assert run(words[0], "-c", str(etc), *words[1:]).out == "permit_auth_destination\n"


HANDS = [
    "# by hand\nold.example\tREJECT  \n\n  # note\n",
    "old.example REJECT",
    "old.example\n  REJECT\n",
    "old.example REJECT\r\nb.example OK\r\n",
    "old.example REJECT\r\nb.example OK",
    "umlaut\udcfc.example REJECT\n",
    "\n\n",
]


@pytest.mark.parametrize("hand", HANDS)
def test_hand_written_lines_stay_byte_for_byte(etc: Path, hand: str) -> None:
    make(etc, access(hand=hand))
    data = hand.encode("utf-8", "surrogateescape")
    made = (etc / "access").read_bytes()
    assert made.startswith(data)
    assert made[len(data) :] in (
        ending + f"{BEGIN}{OURS}{END}".encode() for ending in (b"", b"\n", b"\r\n")
    )
    assert tables.hand_written(etc / "access").startswith(hand)


def test_lines_behind_our_block_are_kept(etc: Path) -> None:
    make(etc, access(hand="above REJECT\n"))
    with (etc / "access").open("a") as file:
        file.write("below REJECT\n")
    hand = tables.hand_written(etc / "access")
    assert hand == "above REJECT\nbelow REJECT\n"
    make(etc, access("", hand=hand))
    assert (etc / "access").read_text() == hand


@pytest.mark.parametrize("hand", ["", *HANDS])
@pytest.mark.parametrize("kind", INDEXED)
def test_edits_make_what_a_whole_build_makes(etc: Path, kind: str, hand: str) -> None:
    make(etc, access(kind=kind, hand=hand))
    kept = tables.hand_written(etc / "access")
    edits = (("a.example", "permit_auth_destination"), ("b@", None), ("c@", "REJECT"))
    make(etc, replace(access("wrong\n", kind, kept), edits=edits))
    edited, text = content(etc, kind), (etc / "access").read_bytes()
    whole = "a.example permit_auth_destination\nc@ REJECT\n"
    make(etc, access(whole, kind, kept))
    assert edited == content(etc, kind)
    assert text == (etc / "access").read_bytes()


KEYS = st.sampled_from([f"{each}.example" for each in "abcdefgh"])
ROUNDS = st.lists(
    st.dictionaries(KEYS, st.sampled_from([None, "REJECT", "permit_auth_destination"])),
    max_size=4,
)


@settings(
    max_examples=10,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(ROUNDS)
def test_edits_in_any_order_end_as_a_whole_build(
    etc: Path, rounds: list[dict[str, str | None]]
) -> None:
    make(etc, access(hand="z.example OK"))
    known = dict(line.split(" ", 1) for line in OURS.splitlines())
    for edits in rounds:
        given_edits = tuple(edits.items())
        kept = tables.hand_written(etc / "access")
        make(etc, replace(access("wrong\n", hand=kept), edits=given_edits))
        changed = {key: do for key, do in edits.items() if do is not None}
        known = {key: do for key, do in known.items() if key not in edits} | changed
    wanted = sorted(f"{key}\t{do}" for key, do in known.items())
    assert content(etc, "hash") == sorted([*wanted, "z.example\tOK"])


def test_the_last_edit_leaves_no_empty_block(etc: Path) -> None:
    make(etc, access("a.example REJECT\n", hand="z.example OK\n"))
    edits = (("a.example", None),)
    make(etc, replace(access("", hand="z.example OK\n"), edits=edits))
    assert (etc / "access").read_text() == "z.example OK\n"
    assert tables.digest(etc / "access", block=True) == ""


def test_edits_begin_a_block_behind_an_unfinished_line(etc: Path) -> None:
    (etc / "access").write_text("z.example OK")
    run("postmap", "-c", str(etc), f"hash:{etc / 'access'}")
    edits = (("a.example", "REJECT"),)
    make(etc, replace(access("", hand="z.example OK"), edits=edits))
    assert content(etc, "hash") == ["a.example\tREJECT", "z.example\tOK"]
    assert f"z.example OK\n{BEGIN}" in (etc / "access").read_text()


def test_an_index_older_than_its_source_is_made_anew(etc: Path) -> None:
    make(etc, access(hand="z.example OK\n"))
    path = etc / "access"
    path.write_text("y.example OK\n" + path.read_text())
    os.utime(path.with_name("access.db"), (0, 0))
    edits = (("c.example", "REJECT"),)
    hand = tables.hand_written(path)
    make(etc, replace(access(f"{OURS}c.example REJECT\n", hand=hand), edits=edits))
    assert "y.example\tOK" in content(etc, "hash")


@pytest.mark.parametrize("edits", [None, (("a.example", "REJECT"),)])
def test_a_key_that_somebody_wrote_by_hand_is_refused(
    etc: Path, edits: tuple[tuple[str, str | None], ...] | None
) -> None:
    hand = "A.example OK\n"
    make(etc, access("b.example REJECT\n", hand=hand))
    with pytest.raises(Refusal, match=r"“a.example OK” written by hand"):
        make(etc, replace(access(hand=hand), edits=edits))
    assert content(etc, "hash") == ["a.example\tOK", "b.example\tREJECT"]


@pytest.mark.parametrize("kind", INDEXED)
@pytest.mark.parametrize("edits", [None, (("a.example", "REJECT"),)])
def test_a_lookup_that_fails_leaves_nothing(
    etc: Path,
    kind: str,
    edits: tuple[tuple[str, str | None], ...] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make(etc, access("b.example REJECT\n", kind))
    before = {path: path.read_bytes() for path in etc.iterdir()}
    monkeypatch.setattr(tables, "_postmap", lambda *words, **how: None)
    with pytest.raises(HostError):
        make(etc, replace(access(kind=kind), edits=edits))
    assert {path: path.read_bytes() for path in etc.iterdir()} == before


def test_mode_and_owner_of_a_table_are_kept(etc: Path) -> None:
    path = etc / "access"
    make(etc, access("b.example REJECT\n"))
    for each in (path, path.with_name("access.db")):
        each.chmod(0o640)
        os.chown(each, 1, 8)
    make(etc, access())
    for each in (path, path.with_name("access.db")):
        seen = each.stat()
        assert (seen.st_mode & 0o7777, seen.st_uid, seen.st_gid) == (0o640, 1, 8)


@contextmanager
def other_disk(directory: Path) -> Iterator[Path]:
    """A disk of its own."""
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def test_a_link_stays_a_link_also_to_another_disk(etc: Path) -> None:
    with other_disk(etc / "git") as disk:
        (disk / "senders").write_text("z.example OK\n")
        (etc / "access").symlink_to(disk / "senders")
        make(etc, access(hand="z.example OK\n"))
        assert (etc / "access").is_symlink()
        assert "a.example REJECT" in (disk / "senders").read_text()
        assert "z.example\tOK" in content(etc, "hash")  # opened by the link's name
        assert [each.name for each in disk.iterdir()] == ["senders"]


def test_a_full_room_is_an_error_of_the_file(etc: Path) -> None:
    with pytest.raises(FileFailed), tables.room_in(etc / "nowhere"):
        pass


def test_a_hand_edit_inside_our_block_refuses_the_apply(practice: Practice) -> None:
    assert isinstance(practice.apply(practice.plan({}, DENY)), Applied)
    made = practice.plan({})
    path = practice.instance.config_dir / "access"
    path.write_text(edited := path.read_text().replace("REJECT", "OK"))
    outcome = practice.apply(made)
    assert isinstance(outcome, Refused)
    assert "access was edited by hand" in outcome.cause
    assert path.read_text() == edited


def test_hand_written_lines_meanwhile_refuse_the_apply(practice: Practice) -> None:
    made = practice.plan({}, DENY)
    (practice.instance.config_dir / "access").write_text("x.example OK\n")
    assert isinstance(practice.apply(made), Refused)


def test_rolled_back_source_and_index_are_those_of_before(practice: Practice) -> None:
    etc = practice.instance.config_dir
    assert isinstance(practice.apply(practice.plan({}, DENY)), Applied)
    before = (etc / "access").read_bytes(), content(etc, "hash")
    more = [*DENY, Entry.read("deny", "sender", "x@")]
    outcome = practice.apply(practice.plan({}, more), fail_at("probe"))
    assert isinstance(outcome, RolledBack)
    assert ((etc / "access").read_bytes(), content(etc, "hash")) == before
    assert not practice.attempt(*GOOD, src=HONEST).ok


def test_tables_that_were_not_there_are_gone_after_the_way_back(
    practice: Practice,
) -> None:
    outcome = practice.apply(practice.plan({}, DENY), fail_at("probe"))
    assert isinstance(outcome, RolledBack)
    assert practice.files() == ["main.cf", "master.cf"]
    assert practice.works()


def large(practice: Practice) -> list[str]:
    """Bring a table past what a checkpoint tells by its digest; the file's lines."""
    names = [f"deny sender_domain spam-{number:05}.example" for number in range(30000)]
    entries = [Entry.read(*name.split(" ")) for name in names]
    assert isinstance(practice.apply(practice.plan({}, entries)), Applied)
    etc = practice.instance.config_dir
    assert (
        min((etc / n).stat().st_size for n in ("access", "access.db")) > 2 * LARGE / 3
    )
    return content(etc, "hash")


def test_a_large_table_is_restored_and_noticed(practice: Practice) -> None:
    before = large(practice)
    etc = practice.instance.config_dir
    data = (etc / "access").read_bytes()
    assert practice.attempt(*GOOD, src=HONEST).ok
    outcome = practice.apply(practice.plan({}, DENY), fail_at("probe"))
    assert isinstance(outcome, RolledBack)
    assert (etc / "access").read_bytes() == data
    assert content(etc, "hash") == before
    assert practice.attempt(*GOOD, src=HONEST).ok


def test_a_large_table_that_was_replaced_is_noticed(practice: Practice) -> None:
    large(practice)
    assert practice.attempt(*GOOD, src=HONEST).ok  # opens the table, and waits
    made = practice.plan({}, DENY)
    assert made.action is Action.NONE
    pid = practice.instance.master_pid()
    assert isinstance(practice.apply(made), Applied)
    assert not practice.attempt(*GOOD, src=HONEST).ok
    assert practice.instance.master_pid() == pid


@pytest.mark.parametrize("moment", ["replace", "between the renames", "restart"])
def test_killed_with_tables_the_next_start_undoes(
    practice: Practice, moment: str
) -> None:
    etc = practice.instance.config_dir
    (etc / "access").write_text("z.example OK\n")
    run("postmap", "-c", str(etc), f"hash:{etc / 'access'}")
    practice.adopted = practice.observed().texts
    kill_at(moment, practice, tables=True)
    assert (etc / "access").read_text().startswith("z.example OK\n")
    for each in recover(practice.instance, practice.checkpoints):
        assert isinstance(each.outcome, RolledBack)
    assert content(etc, "hash") == ["z.example\tOK"]
    assert practice.works()
    assert practice.files() == ["access", "access.db", "main.cf", "master.cf"]
