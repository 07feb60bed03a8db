"""Reading what a server has, over real files: nothing is invented, nothing is lost."""

import csv
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from postfixconf.errors import BadFile
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Mode
from postfixconf.policy.found import Found, find
from postfixconf.policy.greylisting import GREYLISTING
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.plan import plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.probe_service import with_probe_service
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from tests.support.corpus import corpus, has_corpus, text_of
from tests.support.facts import STOCK_MASTER, installed, observed

GOLDEN = Path(__file__).parents[2] / "golden" / "adopted_modes.tsv"
MASTER = MasterCf.parse(STOCK_MASTER)

POSTGREY = re.compile(
    r"policy_service\W+(unix|inet):(postgrey|127\.0\.0\.1:(10023|10030|60000))"
)

OWN = OwnDomains(("own.example",))


def found_in(text: str, master: str = "") -> dict[str, Found]:
    """The controls of a main.cf beside the stock master.cf, or another."""
    services = MasterCf.parse(master) if master else MASTER
    return find(MainCf.parse(text), services, installed())


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


@pytest.mark.parametrize("path", accepted(), ids=lambda path: path.name)
def test_adopting_and_planning_changes_nothing(path: Path) -> None:
    seen = observed(text_of(path))
    modes = {key: each.mode for key, each in found_in(seen.texts.main).items()}
    assert plan(Policy(modes, OWN), seen.texts, seen).empty


def switched_on(path: Path) -> dict[str, str]:
    """What is not simply off in a file: control → mode.

    Without greylisting and the ways to send, which the table leaves out.
    """
    left_out = {GREYLISTING, *(each.key for each in CONTROLS if each.sends)}
    return {
        key: "elsewhere" if each.elsewhere else each.mode.value
        for key, each in found_in(text_of(path)).items()
        if (each.elsewhere or each.mode is not Mode.OFF) and key not in left_out
    }


def test_adopted_modes_are_those_read_by_hand() -> None:
    table = by_hand()
    files = [path for path in corpus("main.cf") if path.name in table]
    assert len(files) == (len(table) if has_corpus() else 0)
    assert {path.name: switched_on(path) for path in files} == {
        path.name: table[path.name] for path in files
    }


@pytest.mark.parametrize("path", accepted(), ids=lambda path: path.name)
def test_a_rule_that_names_postgrey_or_its_port_is_greylisting(path: Path) -> None:
    main = MainCf.parse(text_of(path))
    lists = " ".join(main.get(name) or "" for name in RESTRICTION_LISTS)
    named = POSTGREY.search(lists) is not None
    assert (found_in(text_of(path))[GREYLISTING].mode is not Mode.OFF) is named


@pytest.mark.parametrize("path", accepted(), ids=lambda path: path.name)
def test_flipping_one_control_changes_only_that_control(path: Path) -> None:
    seen = observed(text_of(path))
    before = found_in(seen.texts.main)
    modes = {key: each.mode for key, each in before.items()}
    for control in CONTROLS:
        if not before[control.key].switchable:
            continue
        for mode in set(control.modes) - {modes[control.key]}:
            wanted = Policy(modes, OWN).with_mode(control.key, mode)
            texts = plan(wanted, seen.texts, seen).after
            after = found_in(texts.main, texts.master)
            read = {key: each.mode for key, each in after.items()}
            assert read == dict(wanted.modes)


@pytest.mark.parametrize("path", accepted(), ids=lambda path: path.name)
def test_every_control_on_and_back_again_restores_the_bytes(path: Path) -> None:
    seen = observed(text_of(path))
    modes = {key: each.mode for key, each in found_in(seen.texts.main).items()}
    everything = Policy({each.key: Mode.ON for each in CONTROLS}, OWN)
    live = replace(seen, texts=plan(everything, seen.texts, seen).after)
    after = plan(Policy(modes, OWN), seen.texts, live).after
    assert after.main == seen.texts.main
    assert after.master in (seen.texts.master, with_probe_service(seen.texts.master))
