"""A password is typed for a test sign-in, and then everything is searched for it."""

import base64
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import pytest
from playwright.sync_api import Page, expect

from tests.support import dovecot
from tests.support.dovecot import PASSWORD, USER, Dovecot
from tests.support.site import Site
from tests.support.submission import prepare
from tests.support.waiting import eventually

PAGE = "/sending/readiness/"
WRONG = "Wegwarte-1234567"


@pytest.fixture(scope="module")
def behind(site: Site) -> Iterator[Dovecot]:
    """The Dovecot that the site's Postfix asks."""
    with dovecot.serving() as running:
        prepare(site.postfix, running)
        site.postfix.restart()
        yield running


class Watch:
    """Everything that went through the broker, and how every process was started."""

    def __init__(self, site: Site) -> None:
        self.heard, self.started = b"", b""
        self._end = Event()
        broker = socket.socket(socket.AF_UNIX)
        broker.connect(str(site.home / "run" / "broker.sock"))
        broker.settimeout(0.1)
        broker.sendall(b"MONITOR\r\n")
        self._broker = broker
        self._threads = [Thread(target=self.listen), Thread(target=self.look)]

    @contextmanager
    def watching(self) -> Iterator[None]:
        """As long as this lasts."""
        for each in self._threads:
            each.start()
        try:
            yield
        finally:
            self._end.set()
            for each in self._threads:
                each.join()
            self._broker.close()

    def listen(self) -> None:
        """What the broker is told."""
        while not self._end.is_set():
            with suppress(TimeoutError):
                self.heard += self._broker.recv(65536)

    def look(self) -> None:
        """Arguments and environments."""
        while not self._end.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    with suppress(OSError):
                        data = (process / name).read_bytes()
                        if any(each in data for each in secrets()):
                            self.started += data
            time.sleep(0.005)


def secrets() -> list[bytes]:
    """Both passwords as they are, and as AUTH carries them."""
    found = []
    for each in (PASSWORD, WRONG):
        found += [each.encode(), base64.b64encode(each.encode())]
        found.append(base64.b64encode(f"\0{USER}\0{each}".encode()))
    return found


def attempt(page: Page, password: str) -> None:
    """Type it and wait for the answer."""
    page.goto(PAGE)
    page.get_by_label("Name").fill(USER)
    page.get_by_label("Password").fill(password)
    page.locator("#sign-in").click()


def test_a_password_is_tried_and_then_nowhere(
    page: Page, site: Site, behind: Dovecot
) -> None:
    eventually(lambda: "Dovecot answers" in page.request.get(PAGE).text(), seconds=60)
    watch = Watch(site)
    with watch.watching():
        attempt(page, PASSWORD)
        expect(page.get_by_test_id("answer")).to_contain_text("Port 587 lets")
        left = page.content() + str(page.evaluate("JSON.stringify(localStorage)"))
        attempt(page, WRONG)
        expect(page.get_by_test_id("answer")).to_contain_text("did not let")
        left += page.content() + str(page.evaluate("JSON.stringify(sessionStorage)"))
        page.go_back()
        assert page.get_by_label("Password").input_value() == ""
        eventually(lambda: b"see_readiness" in watch.heard, seconds=30)
    assert watch.started == b""
    for each in secrets():
        assert each not in watch.heard
        assert each.decode() not in left
        assert each.decode() not in page.request.get("/history/changes/").text()
    assert holding(site.home) == []
    logged = (site.home / "practice" / "log").rglob("*")
    told = b"".join(each.read_bytes() for each in logged if each.is_file())
    assert USER.encode() in told


def holding(home: Path) -> list[Path]:
    """The files that have one of them: database, broker, logs, Postfix."""
    found = []
    for path in home.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file() and any(x in path.read_bytes() for x in secrets()):
                found.append(path)
    return found
