"""`make bench`: Apply clicked → enforced, beside the bare commands in the same run.

Prints medians and ratios. Everything runs in a network namespace of its own.
"""

import http.cookiejar
import re
import statistics
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.dns import WORLD, serving
from tests.support.namespace import enter
from tests.support.practice import Practice
from tests.support.practice import serving as practice
from tests.support.site import Site, processes, running
from tests.support.smtp import smtp

ROUNDS = 15
KEY = "disable_vrfy_command"
BUDGET = 0.8  # seconds
MEMORY = 320  # MB


class Browser:
    """The few requests that an administrator's browser makes."""

    def __init__(self, site: Site) -> None:
        self.site = site
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar)
        self.token = ""
        self.post("/login/", username="admin", password=site.password)

    def get(self, path: str) -> str:
        """One page; its form token is remembered."""
        with self.opener.open(self.site.url + path) as answer:
            text: str = answer.read().decode()
        self.token = hidden("csrfmiddlewaretoken", text)
        return text

    def post(self, path: str, **fields: str) -> str:
        """Send a form and follow where it leads."""
        if not self.token:
            self.get(path)
        data = urllib.parse.urlencode(fields | {"csrfmiddlewaretoken": self.token})
        with self.opener.open(self.site.url + path, data.encode()) as answer:
            address: str = answer.url
        return address


def hidden(name: str, text: str) -> str:
    """The value of a hidden field on a page."""
    match = re.search(f'name="{name}" value="([^"]*)"', text)
    return match[1] if match else ""


@dataclass
class Apply:
    """Seconds from the click until Postfix enforces, and until it is proven."""

    enforced: float
    proven: float


def enforces(site: Site, code: int) -> bool:
    """Whether the live server answers VRFY with this code."""
    try:
        with smtp(port=site.port, helo="bench.example", timeout=2) as client:
            return client.command("VRFY b@practice.test").code == code
    except OSError:
        return False


def apply_once(site: Site, browser: Browser, *, on: bool) -> Apply:
    """Flip one switch, click Apply, and wait for Postfix."""
    browser.get("/protection/")
    browser.post(f"/protection/{KEY}/", **({KEY: "on"} if on else {}))
    page = browser.get("/review/")
    begun = time.perf_counter()
    address = browser.post(
        "/review/", reason="bench", reviewed=hidden("reviewed", page)
    )
    while not enforces(site, 502 if on else 252):
        time.sleep(0.005)
    enforced = time.perf_counter() - begun
    path = address.removeprefix(site.url)
    while 'data-state="applied"' not in browser.get(path):
        time.sleep(0.005)
    return Apply(enforced, time.perf_counter() - begun)


def seconds(act: Callable[[], object]) -> float:
    """The median time of an act, in seconds."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        act()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def bare(server: Practice) -> dict[str, float]:
    """The bare commands on a server of the same kind."""
    instance = server.instance
    check = ["postfix", "-c", str(instance.config_dir), "check"]
    return {
        "postfix stop + start": seconds(instance.restart),
        "postfix reload": seconds(instance.reload),
        "postfix check": seconds(lambda: subprocess.run(check, check=True)),
    }


def megabytes(site: Site) -> float:
    """Memory of all of the site's own processes, shared pages divided (PSS)."""
    total = 0
    for pid, command in processes(site.home):
        if not command.startswith("/usr/lib/postfix"):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"Pss:\s+(\d+) kB", text)[1])  # type: ignore[index]
    return total / 1024


def main() -> None:
    """Measure and print."""
    enter()
    with serving(WORLD):
        with running() as site:
            browser = Browser(site)
            applies = [
                apply_once(site, browser, on=turn % 2 == 0) for turn in range(ROUNDS)
            ]
            idle = megabytes(site)
        with practice(2526) as server:
            commands = bare(server)
    enforced = statistics.median(each.enforced for each in applies)
    proven = statistics.median(each.proven for each in applies)
    print(f"Apply clicked → enforced   {enforced:6.3f} s   (budget {BUDGET} s)")
    print(f"Apply clicked → proven     {proven:6.3f} s")
    for name, median in commands.items():
        ratio = enforced / median
        print(f"{name:26} {median:6.3f} s   enforced is {ratio:5.1f} times that")
    print(f"idle, all processes        {idle:6.0f} MB  (budget {MEMORY} MB)")


if __name__ == "__main__":
    main()
