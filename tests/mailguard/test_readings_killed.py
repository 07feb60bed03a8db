"""An older log is read once, whoever reads it, and however often they are killed."""

import gzip
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.support.killed import Killable, killable
from tests.support.logged import configured
from tests.support.site import processes
from tests.support.soak import full
from tests.support.waiting import eventually
from tests.support.written import Mail

LINES = 3000


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with two older logs: `plain`, and `packed.gz` of other mail."""
    room = tmp_path_factory.mktemp("older")
    configured(room).touch()
    for seed, name in enumerate(("plain", "packed.gz")):
        mail = Mail(Random(seed))
        text = "".join(f"{line}\n" for line in [*mail.lines(LINES), *mail.rest()])
        data = text.replace("@good", f"@{name}").encode()
        if name.endswith(".gz"):
            data = gzip.compress(data)
        (room / name).write_bytes(data)
    return room


@pytest.fixture(scope="module")
def child(room: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killable]:
    """Processes to kill, one database for all tests of this module."""
    with killable(tmp_path_factory.mktemp("home"), room) as child:
        yield child


@pytest.fixture(scope="module")
def whole(room: Path, child: Killable) -> dict[str, dict[str, list[str]]]:
    """What each file leads to when it is read in one go."""
    found = {}
    for name in ("plain", "packed.gz"):
        child.ask(do="forget")
        assert child.together("ingest", path=str(room / name)) == [0]
        found[name] = child.rows()
    return found


@pytest.mark.parametrize("name", ["plain", "packed.gz"])
@pytest.mark.parametrize("what", ["ingest", "tend"])
def test_a_reading_that_is_killed_ends_as_one_that_was_not(
    room: Path, child: Killable, whole: dict[str, object], what: str, name: str
) -> None:
    chance, path = Random(), str(room / name)
    child.ask(do="forget")
    child.ask(do="want", paths=[path])
    for _ in range(max(4, full(25))):
        child.kill(what, chance.uniform(0, 0.2), path=path)
    assert child.together(what, path=path) == [0]
    assert child.rows() == whole[name]


@pytest.mark.parametrize("name", ["plain", "packed.gz"])
def test_several_that_read_the_same_count_it_once(
    room: Path, child: Killable, whole: dict[str, object], name: str
) -> None:
    path = str(room / name)
    child.ask(do="forget")
    child.ask(do="want", paths=[path])
    assert child.together("tend", "ingest", "tend", path=path) == [0, 0, 0]
    assert child.rows() == whole[name]


def test_who_only_watches_the_others_ends_too(room: Path, child: Killable) -> None:
    path = str(room / "plain")
    child.ask(do="forget")
    child.ask(do="want", paths=[path])
    assert child.together("ingest", "ingest", path=path) == [0, 0]


def test_a_command_that_was_killed_leaves_no_process(
    room: Path, tmp_path: Path
) -> None:
    with killable(tmp_path, room) as child:
        child.together("ingest", path=str(room / "packed.gz"))
        child.ask(do="forget")
        for _ in range(3):
            child.kill("ingest", 0.1, path=str(room / "plain"))
            time.sleep(0.1)
        eventually(lambda: len(processes(tmp_path)) == 1)
