"""Whole logs counted: as pflogsumm counts, and as the records say."""

import csv
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from postfixconf.maillog.attempt import Attempt, Key
from postfixconf.maillog.attempts import Attempts
from postfixconf.maillog.attribution import attribute
from postfixconf.maillog.parse import read
from postfixconf.maillog.records import Unknown, Verdict
from postfixconf.maillog.totals import Totals
from tests.postfixconf.maillog.lines import CLOCK, line, refusal
from tests.support.corpus import corpus

LOGS = [*corpus("logs"), *corpus("logs-foreign")]
LOGS = [path for path in LOGS if path.suffix == ".log"]
GOLDEN = Path(__file__).parent / "golden_differences.tsv"
NAMES = (
    *("received", "delivered", "deferred", "bounced"),
    *("rejected", "reject warnings", "held", "discarded"),
)
FULL = pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)


def counted(data: bytes, *, rejects_only: bool = False) -> Totals:
    """The counts of one log."""
    totals = Totals(rejects_only=rejects_only)
    totals.feed(data)
    totals.finish()
    return totals


def pflogsumm(data: bytes) -> dict[str, int]:
    """What pflogsumm counts, asked for every instance of Postfix in the log."""
    command = ["pflogsumm", "--syslog-name=postfix[^/ ]*", "--detail", "0"]
    command += ["--no-no-msg-size"]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    report = done.stdout.decode(errors="replace")
    figures = {
        name: re.search(rf"^ *(\d+)([km ]) +{name}\b", report, re.M) for name in NAMES
    }
    assert all(found and found[2] == " " for found in figures.values()), report[:999]
    return {
        name.replace(" ", "_"): int(found[1])
        for name, found in figures.items()
        if found
    }


def golden() -> dict[str, list[tuple[int, str, int]]]:
    """By file: line, total and what we count there less than pflogsumm (or more)."""
    found: dict[str, list[tuple[int, str, int]]] = {}
    with GOLDEN.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            gap = int(row["ours"]) - int(row["theirs"])
            entry = (int(row["line"]), row["total"], gap)
            found.setdefault(row["file"], []).append(entry)
    return found


@FULL
def test_totals_are_pflogsumms_but_for_the_golden_lines(path: Path) -> None:
    data = path.read_bytes()
    expected = pflogsumm(data)
    for number, total, gap in golden().get(path.name, []):
        alone = data.split(b"\n")[number - 1] + b"\n"
        ours = counted(alone).result()["totals"][total]
        assert ours - pflogsumm(alone)[total] == gap
        expected[total] += gap
    assert counted(data).result()["totals"] == expected


@FULL
def test_blocks_and_single_lines_say_the_same(path: Path) -> None:
    verdicts: Counter[tuple[str, str]] = Counter()
    attempts: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    merged = Attempts()
    latest: dict[Key, Attempt] = {}
    for each in path.read_bytes().split(b"\n"):
        seen = read(each, CLOCK)
        record = seen.record
        if isinstance(record, Unknown):
            unknown[record.kind] += seen.times
        if isinstance(record, Verdict) and record.verb in ("reject", "reject_warning"):
            verdicts[attribute(record).key, record.verb] += seen.times
        latest |= {attempt.key: attempt for attempt in merged.feed(seen)}
    latest |= {attempt.key: attempt for attempt in merged.flush()}
    for attempt in latest.values():
        attempts.update(key for key in {*attempt.warned, attempt.control} if key)
    whole = counted(path.read_bytes())
    everything = whole.result()["controls"] | whole.details()["others"]
    assert whole.unknown() == unknown
    for key, counts in everything.items():
        assert counts["reject"] == verdicts[key, "reject"]
        assert counts["reject_warning"] == verdicts[key, "reject_warning"]
        assert counts["attempts"] == attempts[key]
    assert set(everything) == {key for key, _ in verdicts}


@FULL
def test_refusals_alone_are_counted_alike(path: Path) -> None:
    data = path.read_bytes()
    whole, alone = counted(data).result(), counted(data, rejects_only=True).result()
    assert alone["controls"] == whole["controls"]
    for name in ("rejected", "reject_warnings"):
        assert alone["totals"][name] == whole["totals"][name]
    assert alone["totals"]["received"] is None


def test_the_cut_into_blocks_changes_nothing() -> None:
    data = b"".join(path.read_bytes() for path in LOGS[-10:])
    pieces = Totals()
    for start in range(0, len(data), 777):
        pieces.feed(data[start : start + 777])
    assert pieces.result() == counted(data).result()


def test_our_probes_count_nowhere() -> None:
    probe = line(refusal("554 5.7.1 x"), "postfix/mailguard/smtpd")
    for rejects_only in (False, True):
        result = counted(probe, rejects_only=rejects_only).result()
        assert result["controls"] == {}
        assert result["totals"]["rejected"] == 0
        assert result["lines"] == 1


def test_a_folded_line_counts_as_often_as_it_came() -> None:
    text = "504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname"
    once = refusal(text, helo="x")
    result = counted(line(f"message repeated 3 times: [ {once}]")).result()
    counts = result["controls"]["reject_non_fqdn_helo_hostname"]
    assert counts == {"reject": 3, "reject_warning": 0, "attempts": 3}
    assert result["totals"]["rejected"] == 3


def test_a_rule_in_two_lists_is_one_attempt() -> None:
    text = "504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname"
    warned = line(refusal(text, verb="reject_warning", helo="x"))
    other = line("connect from mx.good.example[192.0.2.7]")
    [counts] = counted(b"\n".join([warned, warned])).result()["controls"].values()
    assert (counts["reject_warning"], counts["attempts"]) == (2, 1)
    for only in (False, True):
        twice = counted(b"\n".join([warned, other, warned]), rejects_only=only)
        [counts] = twice.result()["controls"].values()
        assert (counts["reject_warning"], counts["attempts"]) == (2, 2)


def test_a_line_without_an_end_is_kept_short() -> None:
    totals = Totals()
    for _ in range(64):
        totals.feed(b"x" * (1 << 18))
    totals.feed(b"\n" + line(refusal("554 5.7.1 x")))
    result = totals.result()
    assert (result["lines"], result["totals"]["rejected"]) == (2, 1)
