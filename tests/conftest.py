"""What every test can count on: a network of its own, and a DNS it knows."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.corpus import has_corpus
from tests.support.dns import WORLD, Dns, serving
from tests.support.keyed import records
from tests.support.namespace import enter
from tests.support.practice import Practice
from tests.support.practice import serving as serving_practice
from tests.support.site import Site, running

# What takes long for how few tests it has, the longest first.
LONGEST = (
    "tests/browser/",
    "tests/mailguard/test_run.py",
    "tests/mailguard/test_postgresql.py",
    "tests/postfixconf/host/test_open_relay.py",
    "tests/postfixconf/host/test_apply.py",
    "tests/mailguard/test_changes.py",
    "tests/mailguard/test_restore.py",
    "tests/postfixconf/host/test_greylisting_load.py",
    "tests/postfixconf/host/test_rehearsal_",
    "tests/postfixconf/host/test_logs_killed.py",
    "tests/postfixconf/host/test_matching.py",
    "tests/mailguard/test_intake_killed.py",
    "tests/mailguard/test_readings_killed.py",
    "tests/mailguard/test_usages_run.py",
)

# The first draws no window around each page, which takes four times as long.
CHROMIUM = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules first: a short one at the end keeps no worker waiting."""
    tests = Counter(item.path for item in items)

    def turn(item: pytest.Item) -> tuple[int, int]:
        ranks = (n for n, name in enumerate(LONGEST) if item.nodeid.startswith(name))
        return next(ranks, len(LONGEST)), -tests[item.path]

    items.sort(key=turn)


@pytest.fixture(scope="session", autouse=True)
def dns() -> Iterator[Dns]:
    """Cut this process off from the machine's network, and serve WORLD as DNS."""
    enter()
    with serving({**WORLD, **records()}) as server:
        yield server


@pytest.fixture
def practice(dns: Dns) -> Iterator[Practice]:
    """A practice server of this test's own."""
    with serving_practice() as server:
        yield server


@pytest.fixture(scope="module")
def shared_practice(dns: Dns) -> Iterator[Practice]:
    """One practice server for a module whose tests leave it as they found it."""
    with serving_practice() as server:
        yield server


@pytest.fixture(scope="module")
def site(dns: Dns) -> Iterator[Site]:
    """Everything, as `make run` starts it: web, worker, beat, broker, Postfix.

    Gone with its module, so that the next one finds ports 8000 and 2525 free.
    """
    with running() as site:
        yield site


@pytest.fixture(scope="session")
def browser(dns: Dns) -> Iterator[Browser]:
    """Debian's Chromium, without a window where that is installed."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        path = next(each for each in CHROMIUM if Path(each).exists())
        chromium = playwright.chromium.launch(executable_path=path, args=options)
        yield chromium
        chromium.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables that tests made, and whether the real files were not here."""
    reports = [each for some in terminalreporter.stats.values() for each in some]
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == "table":
                terminalreporter.write_line(f"{report.nodeid}\n{value}")
    if not has_corpus():
        terminalreporter.write_line(
            "No corpus of real files at MAILGUARD_CORPUS: the corpus tests ran on "
            "tests/corpus only, and the table of modes made by hand was not compared."
        )
