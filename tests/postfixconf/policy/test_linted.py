"""The linter over real files, and its verdicts on twenty against a reader's.

`tests/golden/linted.tsv` was written by reading the files, not by the linter: the
twenty of the corpus whose SHA-256 comes first. It tells kind, place and how often.
Rows that the reader had missed were added after the comparison where Postfix says so
itself (a file it does not read, a parameter it calls unused), and for old names in
services other than smtpd, which had not been read.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from postfixconf.errors import BadFile
from postfixconf.policy.lint import Finding, lint
from postfixconf.policy.linting.kinds import KINDS
from postfixconf.policy.linting.naming import DERIVED, SETTINGS
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from tests.support.corpus import ROOT, corpus, has_corpus, real, text_of
from tests.support.facts import installed
from tests.support.postconf import Postconf

GOLDEN = ROOT / "tests" / "golden" / "linted.tsv"
PER_KIND = ROOT / "tests" / "golden" / "findings_per_kind.tsv"
# What a full installation has: which tables are packaged here is not the files' fault.
EVERY_TYPE = tuple(
    """
    btree cdb cidr environ fail hash ldap lmdb memcache mysql nis pcre pgsql proxy
    regexp sdbm socketmap sqlite static tcp texthash unix
    """.split()
)
FACTS = replace(installed(), config_directory="/etc/postfix", table_types=EVERY_TYPE)
Told = Counter[tuple[str, str]]


def beside(path: Path) -> Path:
    """The master.cf that belongs to a main.cf."""
    return path.parent.parent / "master.cf" / path.name.replace("main.cf", "master.cf")


def found(path: Path) -> tuple[Finding, ...]:
    """What the linter says of a main.cf and the master.cf beside it."""
    beside = (
        path.parent.parent / "master.cf" / path.name.replace("main.cf", "master.cf")
    )
    master = MasterCf.parse(text_of(beside)) if beside.exists() else None
    return lint(MainCf.parse(text_of(path)), FACTS, master=master)


def readable() -> Iterator[tuple[Path, tuple[Finding, ...]]]:
    """Every pair that Postfix reads, with what the linter says of it."""
    for path in corpus("main.cf"):
        with suppress(BadFile):
            yield path, found(path)


def said(path: Path) -> Told:
    """Kind and place of every finding, or where Postfix would not read on."""
    try:
        return Counter((each.code, each.place) for each in found(path))
    except BadFile as cause:
        return Counter({("unreadable", f"{cause.name}, line {cause.line}"): 1})


def golden() -> dict[str, Told]:
    """What a reader says of each of the twenty files."""
    told: dict[str, Told] = {}
    for line in GOLDEN.read_text().splitlines()[1:]:
        name, code, place, times = line.split("\t")
        told.setdefault(name, Counter())
        if code != "-":
            told[name][code, place] += int(times)
    return told


@pytest.mark.parametrize("name", golden())
def test_the_linter_says_what_a_reader_says(name: str) -> None:
    if has_corpus():
        assert said(real() / "main.cf" / name) == golden()[name]


def test_the_twenty_are_those_whose_digest_comes_first() -> None:
    paths = [each for each in corpus("main.cf") if each.parent.parent == real()]
    first = sorted(paths, key=lambda path: sha256(path.read_bytes()).hexdigest())[:20]
    assert not has_corpus() or {each.name for each in first} == set(golden())


def test_the_findings_per_kind_over_the_corpus_are_those_on_record() -> None:
    tally, files = Counter[str](), Counter[str]()
    for path, findings in readable():
        tally.update(each.code for each in findings)
        for each in findings:
            words = (each.place, each.sentence, each.why, each.remedy)
            assert all(words), (path.name, each)
        files.update({each.code for each in findings})
    lines = ["kind\tfindings\tfiles"]
    lines += [f"{code}\t{tally[code]}\t{files[code]}" for code in sorted(KINDS)]
    assert not has_corpus() or lines == PER_KIND.read_text().splitlines()


def test_an_unknown_setting_is_one_that_postfix_calls_unused(tmp_path: Path) -> None:
    asked = Postconf(tmp_path)
    for path, findings in readable():
        if not beside(path).exists():
            continue
        asked.write("main.cf", text_of(path))
        asked.write("master.cf", text_of(beside(path)))
        told = asked.ask("-n")
        ours = {x.place for x in findings if x.code == "unknown_setting"}
        if not told.fatal:
            names = MainCf.parse(text_of(path)).names()
            more = told.unused - ours
            assert ours.intersection(names) <= told.unused, path.name
            others = [x for x in more if x in names and x not in SETTINGS]
            assert all(map(DERIVED.fullmatch, others)), (path.name, more)
