"""Every real log into one database: no exception, and the figures hold together."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from mailguard.servers.models import Server
from mailguard.traffic import intake
from mailguard.traffic.models import Attempt, Hit, Hour, Log
from mailguard.traffic.understanding import Part, Reader
from postfixconf.maillog.totals import Totals
from tests.support.corpus import corpus

GOLDEN = Path(__file__).with_name("golden_intake.tsv")
LOGS = [each for each in corpus("logs") if each.suffix == ".log"]
FOREIGN = corpus("logs-foreign")
HEADERLESS = corpus("logs-headerless")
FULL = pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
OUTCOMES = ("accepted", "refused", "put off", "undecided")


@pytest.fixture
def server(db: None) -> Server:
    """A server of which only the log is of interest."""
    return Server.objects.create(name="local", config_dir="/nowhere")


def kept(server: Server, data: bytes) -> Part:
    """What a log tells, once it is kept; for attempts see the database."""
    log, reader = intake.log_of(server), Reader(server, domains_only=False)
    part = reader.read(data)
    intake.keep(log, part)
    intake.keep(log, reader.end())
    return part


def figures() -> dict[str, int]:
    """What the database holds by now."""
    log = Log.objects.get()
    outcomes = Counter(Attempt.objects.values_list("outcome", flat=True))
    return {
        "lines": log.lines,
        "foreign": log.foreign,
        "unknown": sum(log.unknown.values()),
        **{outcome: outcomes[outcome] for outcome in OUTCOMES},
        "would": Attempt.objects.exclude(warned="").count(),
        "unattributed": Hit.objects.filter(control="unattributed").count(),
    }


def golden() -> dict[str, dict[str, int]]:
    """By file, as they were when somebody looked at them."""
    with GOLDEN.open(newline="") as file:
        rows = [*csv.DictReader(file, delimiter="\t")]
    return {row.pop("file"): {k: int(v) for k, v in row.items()} for row in rows}


def sums(control: str = "") -> Counter[str]:
    """What the hours say."""
    found: Counter[str] = Counter()
    for verdict, count in Hour.objects.filter(control=control).values_list(
        "verdict", "count"
    ):
        found[verdict] += count
    return found


@FULL
def test_a_log_leads_to_the_figures_that_it_had(server: Server, path: Path) -> None:
    kept(server, path.read_bytes())
    known = golden().get(path.name)
    assert known is None or figures() == known


def test_all_logs_in_one_database_count_as_each_alone(server: Server) -> None:
    unknown: Counter[str] = Counter()
    lines = 0
    for path in [*LOGS, *FOREIGN]:
        data = path.read_bytes()
        totals = Totals()
        totals.feed(data)
        totals.finish()
        unknown += totals.unknown()
        lines += totals.result()["lines"]
        kept(server, data)
    log = Log.objects.get()
    assert (log.lines, sum(log.unknown.values())) == (lines, unknown.total())
    outcomes = Counter(Attempt.objects.values_list("outcome", flat=True))
    assert {each: sums()[each] for each in OUTCOMES} == {
        each: outcomes[each] for each in OUTCOMES
    }
    for control in Hit.objects.values_list("control", flat=True).distinct():
        hits = Hit.objects.filter(control=control).values_list("verdict", flat=True)
        assert +sums(control) == Counter(hits)


@pytest.mark.parametrize("path", FOREIGN, ids=lambda path: path.name)
def test_another_mail_servers_log_is_foreign(server: Server, path: Path) -> None:
    kept(server, path.read_bytes())
    log = Log.objects.get()
    assert (log.foreign, log.unknown) == (log.lines, {})
    assert not Attempt.objects.exists()


def test_lines_without_a_head_are_read_with_one(server: Server) -> None:
    for path in HEADERLESS:
        found = [line.partition(b"\t") for line in path.read_bytes().splitlines()]
        data = b"".join(
            b"Nov  2 08:01:02 mx %b[7]: %b\n" % (program, message)
            for program, _, message in found
        )
        assert kept(server, data).lines == len(found)


def test_reading_all_of_it_again_changes_nothing(server: Server) -> None:
    for path in LOGS:
        kept(server, path.read_bytes())
    before = (sums(), Attempt.objects.count(), Hit.objects.count())
    for path in LOGS:
        kept(server, path.read_bytes())
    assert (sums(), Attempt.objects.count(), Hit.objects.count()) == before
