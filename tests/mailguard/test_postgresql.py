"""PostgreSQL: what reads and writes the most behaves in it as in SQLite.

Tests of other modules run again, in a process whose database is a private cluster.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.dns import Dns
from tests.support.postgres import database
from tests.support.site import ROOT

CHOSEN = (
    "test_store.py",
    "test_search.py",
    "test_evidence.py",
    "test_retention.py",
    "test_suggestions.py",
    "test_charts.py",
    "test_envelopes.py",
    "test_pins.py",
    "test_usages.py",
    "test_sending_users.py",
    "test_rehearsals.py::test_the_lost_are_counted_and_named",
    "test_rehearsals.py::test_a_slice_at_a_time_and_cancelled_in_between",
    "test_rehearsals.py::test_with_a_reason_the_pin_may_break",
    "test_rehearsals.py::test_one_message_is_tried_rule_by_rule",
    "test_rehearsals_hard.py::test_two_who_ask_share_one_rehearsal",
    "test_rehearsals_hard.py::test_what_leads_to_people_is_forgotten_and_counts_stay",
    "test_intake.py::test_nothing_is_read_twice",
    "test_intake.py::test_a_failed_write_moves_nothing",
    "test_intake.py::test_a_reading_goes_on_in_another_process",
    "test_entries.py::test_a_search_finds",
    "test_entries.py::test_pages_follow_one_another_without_a_gap",
    "test_entries.py::test_all_that_match_go_and_nothing_else",
    "test_entries_csv.py::test_an_import_adds_all_and_puts_one_change_on_record",
    "test_entries_csv.py::test_a_failure_in_the_middle_leaves_nothing_half",
    "test_history.py::test_revisions_are_found_by_person_text_and_outcome",
    "test_history.py::test_two_revisions_are_compared_in_words_entries_and_files",
)
ICU = ("--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8")


def run(url: str, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """Python with this database, and what it said."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=os.environ | {"MAILGUARD_DATABASE_URL": url} | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def test_what_reads_and_writes_the_most_works_in_it(dns: Dns) -> None:
    names = [f"tests/mailguard/{each}" for each in CHOSEN]
    with database() as url:
        done = run(url, "-m", "pytest", "-q", "-n", "0", *names)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("locale", "code"),
    [
        (("--encoding=UTF8", *ICU), "mailguard.E002"),
        (("--encoding=SQL_ASCII", "--locale=C"), "mailguard.E001"),
        (("--encoding=UTF8", "--locale=C.UTF-8"), "no issues"),
    ],
)
def test_a_database_in_another_order_or_alphabet_is_refused(
    dns: Dns, locale: tuple[str, ...], code: str
) -> None:
    with database(*locale) as url:
        words = ("--database", "default", "--settings", "tests.settings")
        done = run(url, "manage.py", "check", *words)
    assert code in done.stdout
    assert ("--locale=C NAME" in done.stdout) == (code != "no issues")


@pytest.fixture
def home() -> Iterator[str]:
    """A MAILGUARD_HOME that Postfix may enter."""
    with TemporaryDirectory(prefix="mailguard-", dir="/tmp") as path:
        Path(path).chmod(0o755)
        yield path


def test_such_a_database_starts_nothing(dns: Dns, home: str) -> None:
    with database("--encoding=UTF8", *ICU) as url:
        settings = {"DJANGO_SETTINGS_MODULE": "mailguard.settings"}
        done = run(url, "manage.py", "up", MAILGUARD_HOME=home, **settings)
    assert done.returncode == 2
    assert "by the rules of a language" in done.stdout
