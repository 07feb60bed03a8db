"""`make bench`: a million entries, from a file to a live table, and one more.

Prints seconds and ratios to the bare `postmap` of the same source in the same run.
"""

import csv
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.apply import Browser, hidden, megabytes
from tests.support.dns import WORLD, serving
from tests.support.namespace import enter
from tests.support.site import ROOT, Site, processes, running
from tests.support.smtp import attempt

COUNT = int(os.environ.get("MAILGUARD_BENCH_ENTRIES", "1000000"))
PAGES = (
    "/entries/",
    "/entries/?text=user77@",
    "/entries/?text=user4711@d4711.bench.example",
    "/entries/?text=nothing-like-this",
    "/entries/?side=deny&kind=sender",
    "/",
    "/protection/",
    "/review/",
    "/history/",
)
ROUNDS = 7
READ = (
    "import time, django; django.setup(); "
    "from mailguard.lists import claims; begun = time.perf_counter(); "
    "n = sum(1 for _ in claims.lines('access', claims.after(10**9))); "
    "print(n, time.perf_counter() - begun)"
)


def write(path: Path) -> None:
    """A file of so many senders to deny, at five thousand domains."""
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["side", "kind", "value", "note", "expires"])
        for each in range(COUNT):
            value = f"user{each}@d{each % 5000}.bench.example"
            out.writerow(["deny", "sender", value, "bench", ""])


def manage(site: Site, *words: str) -> dict[str, Any]:
    """One command, however long it takes."""
    command = [sys.executable, str(ROOT / "manage.py"), *words, "--json"]
    done = subprocess.run(
        command, env=site.environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def seconds(act: Callable[[], object]) -> float:
    """How long one act takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def reading(site: Site) -> float:
    """Seconds to read every row of the sender table, and nothing else."""
    environment = site.environment | {"DJANGO_SETTINGS_MODULE": "mailguard.settings"}
    command = [sys.executable, "-c", READ]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[1])


def postmap(site: Site) -> float:
    """Seconds of the bare command on a copy of the source that is live."""
    config = site.postfix.config_dir
    copy = config / "bench-copy"
    shutil.copyfile(config / "access", copy)
    words = ["postmap", "-c", str(config), f"hash:{copy}"]
    took = seconds(lambda: subprocess.run(words, check=True))
    for left in (copy, copy.with_name("bench-copy.db")):
        left.unlink()
    return took


def one_more(site: Site, browser: Browser, number: int) -> float:
    """Seconds from Apply clicked until one more entry is enforced."""
    sender = f"late{number}@new.bench.example"
    manage(site, "entries", "add", "deny", "sender", sender)
    page = browser.get("/review/")
    begun = time.perf_counter()
    address = browser.post(
        "/review/", reason="bench", reviewed=hidden("reviewed", page)
    )
    # To somebody elsewhere: an accepted recipient that is left costs Postfix a token
    # of in_flow_delay, and after a hundred it waits a second each time.
    while attempt(sender, "bob@elsewhere.example", src="127.0.0.10").code != 554:
        time.sleep(0.005)
    took = time.perf_counter() - begun
    while 'data-state="applied"' not in browser.get(address.removeprefix(site.url)):
        time.sleep(0.05)
    return took


def peak(site: Site, words: str) -> float:
    """The most memory that a process with these words ever had, in MB."""
    highest = 0
    for pid, command in processes(site.home):
        if words in command:
            status = Path(f"/proc/{pid}/status").read_text()
            highest = max(highest, int(re.search(r"VmHWM:\s+(\d+)", status)[1]))  # type: ignore[index]
    return highest / 1024


def main() -> None:
    """Measure and print."""
    enter()
    with serving(WORLD), running() as site:
        file = site.home / "bench.csv"
        write(file)
        browser = Browser(site)
        manage(site, "set", "reject_non_fqdn_sender=on")
        imported = seconds(lambda: manage(site, "entries", "import", str(file)))
        told: dict[str, Any] = {}
        live = seconds(
            lambda: told.update(
                manage(site, "apply", "--reason", "bench", "--timeout", "300")
            )
        )
        stage = next(s["ms"] / 1000 for s in told["steps"] if s["name"] == "stage")
        bare, rows = postmap(site), reading(site)
        more = statistics.median(one_more(site, browser, n) for n in range(ROUNDS))
        print(f"entries                      {COUNT:>10,}")
        print(f"import                       {imported:10.2f} s")
        print(f"bare postmap                 {bare:10.2f} s")
        print(f"reading the rows             {rows:10.2f} s")
        ratio = (stage - rows) / bare
        print(f"rows → table, looked up      {stage:10.2f} s   less reading: ", end="")
        print(f"{ratio:.2f} times postmap (budget 1.5)")
        print(f"apply, asked → proven        {live:10.2f} s")
        print(f"one more, clicked → enforced {more:10.2f} s   (budget 0.5 s)")
        for path in PAGES:
            took = [seconds(lambda path=path: browser.get(path)) for _ in range(ROUNDS)]  # type: ignore[misc]
            median = statistics.median(took) * 1000
            print(f"{path:44} {median:6.0f} ms  (budget 100 ms)")
        manage(site, "entries", "add", "deny", "sender", "last@new.bench.example")
        told = manage(site, "apply", "--reason", "bench", "--timeout", "300")
        for each in told["steps"]:
            print(f"  one more: {each['name']:24} {each['ms']:6} ms")
        worker = peak(site, "celery -q -A mailguard worker")
        print(f"memory, all processes        {megabytes(site):10.0f} MB")
        print(f"memory, worker at its most   {worker:10.0f} MB")


if __name__ == "__main__":
    main()
