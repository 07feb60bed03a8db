"""Reading what a server has, over real files: nothing is invented, nothing is lost."""

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from postfixconf.errors import BadFile
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Mode
from postfixconf.policy.found import Found, find
from postfixconf.policy.plan import plan
from postfixconf.policy.policy import Policy
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from tests.support.corpus import corpus, text_of
from tests.support.facts import STOCK_MASTER, installed, observed

GOLDEN = Path(__file__).parents[2] / "golden" / "adopted_modes.tsv"
MASTER = MasterCf.parse(STOCK_MASTER)


def found_in(text: str) -> dict[str, Found]:
    """The controls of a main.cf beside the stock master.cf."""
    return find(MainCf.parse(text), MASTER, installed())


def accepted() -> list[Path]:
    """The corpus files that Postfix itself would read."""
    files = []
    for path in corpus("main.cf"):
        try:
            MainCf.parse(text_of(path))
        except BadFile:
            continue
        files.append(path)
    return files


def by_hand() -> dict[str, dict[str, str]]:
    """The table somebody made by reading the files: file → control → mode."""
    table: dict[str, dict[str, str]] = defaultdict(dict)
    with GOLDEN.open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["control"] != "-":
                table[row["file"]][row["control"]] = row["mode"]
            else:
                table[row["file"]] = {}
    return table


def present(names: dict[str, dict[str, str]]) -> list[Path]:
    """The files of the table that are here; all of them, or none without the corpus."""
    return [path for path in corpus("main.cf") if path.name in names]


@pytest.mark.parametrize("path", accepted(), ids=lambda path: path.name)
def test_adopting_and_planning_changes_nothing(path: Path) -> None:
    seen = observed(text_of(path))
    modes = {key: each.mode for key, each in found_in(seen.texts.main).items()}
    assert plan(Policy(modes), seen.texts, seen).empty


@pytest.mark.parametrize("path", present(by_hand()), ids=lambda path: path.name)
def test_adopted_modes_are_those_read_by_hand(path: Path) -> None:
    found = found_in(text_of(path))
    read = {
        key: "elsewhere" if each.elsewhere else each.mode.value
        for key, each in found.items()
        if each.elsewhere or each.mode is not Mode.OFF
    }
    assert read == by_hand()[path.name]


@pytest.mark.parametrize("path", accepted(), ids=lambda path: path.name)
def test_flipping_one_control_changes_only_that_control(path: Path) -> None:
    seen = observed(text_of(path))
    before = found_in(seen.texts.main)
    modes = {key: each.mode for key, each in before.items()}
    for control in CONTROLS:
        if not before[control.key].switchable:
            continue
        for mode in set(control.modes) - {modes[control.key]}:
            wanted = Policy(modes).with_mode(control.key, mode)
            after = found_in(plan(wanted, seen.texts, seen).after.main)
            read = {key: each.mode for key, each in after.items()}
            assert read == dict(wanted.modes)
