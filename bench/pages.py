"""What `bench.search` measures in one database: pages, counting and forgetting."""

import os
import statistics
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench.attempts import POPULAR, fill  # noqa: E402
from mailguard.accounts.models import User  # noqa: E402
from mailguard.audit.services import MAILGUARD  # noqa: E402
from mailguard.changes import worker  # noqa: E402
from mailguard.lists import pins  # noqa: E402
from mailguard.servers.models import Server  # noqa: E402
from mailguard.traffic import evidence, retention  # noqa: E402
from mailguard.traffic.models import Attempt  # noqa: E402
from postfixconf.policy.probes import Expect  # noqa: E402
from tests.support.dns import WORLD, serving  # noqa: E402
from tests.support.namespace import enter  # noqa: E402
from tests.support.practice import serving as practice  # noqa: E402

COUNT = int(os.environ["MAILGUARD_BENCH_ATTEMPTS"])
ROUNDS = 5
STEPS = 20
BUDGET = 100  # milliseconds
QUERIES = (
    "",
    "text=user77@bigmail.example",
    "text=nobody@nowhere.example",
    "text=rare7@rare.example",
    "text=box1@practice.test",
    "text=box4@practice.test&verdict=refused",
    "text=bigmail.example",
    "text=bigmail.example&verdict=refused",
    "text=bigmail.example&verdict=bounced",
    "text=bigmail.example&time=hour",
    "text=d4711.example",
    "text=rare.example",
    "text=nowhere.example",
    "text=mx3.cloud.example",
    "text=10.1.2.3",
    "text=203.0.113.9",
    "text=192.0.2.1",
    "text=10.1.2.0/24",
    "text=10.1.0.0/16",
    "text=172.16.0.0/12",
    "text=2001:db8::/32",
    "text=2001:db9:1:1::/64",
    "text=zen.spamhaus.org",
    "text=fully-qualified",
    "text=rarely",
    "text=no+such+words",
    "verdict=refused",
    "verdict=would",
    "verdict=bounced",
    "verdict=undecided",
    "control=reject_non_fqdn_sender",
    "control=dnsbl:zen.spamhaus.org&verdict=refused",
    "control=helo&text=bigmail.example",
    "control=reject_non_fqdn_sender&text=bigmail.example",
    "time=day&verdict=put+off",
)
PAGES = (
    "/",
    "/?period=7d",
    "/?period=30d",
    "/?period=30d&control=dnsbl:zen.spamhaus.org",
    "/protection/",
    "/log/",
    "/greylisting/",
    "/greylisting/suggestions/",
    "/sending/",
    "/sending/steps/",
    "/sending/readiness/",
    "/sending/users/",
    "/sending/networks/",
    "/domains/",
    "/entries/",
    "/entries/?text=user77@",
    "/entries/?text=d4711.example",
    "/entries/?text=nothing-like-this",
    "/entries/?side=deny&kind=sender",
    "/pins/",
    "/review/",
    "/rehearsal/",
    "/rehearsal/effect/",
    "/history/",
    "/history/1/",
    "/history/changes/",
    "/panic/",
)


def milliseconds(act: Callable[[], object]) -> float:
    """How long one act takes."""
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def ask(browser: Client, path: str) -> float:
    """Milliseconds of one page, the median of a few."""

    def get() -> None:
        answer = browser.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"

    return statistics.median(milliseconds(get) for _ in range(ROUNDS))


def told(title: str, browser: Client, paths: Iterable[str]) -> None:
    """Ask for pages, and print what each took, the median and the worst."""
    took = {path: ask(browser, path) for path in paths}
    for path, each in took.items():
        print(f"  {path:62} {each:6.0f} ms", flush=True)
    middle, worst = statistics.median(took.values()), max(took.values())
    print(f"{title}: median {middle:.0f} ms (budget {BUDGET} ms), worst {worst:.0f} ms")


def forgetting() -> None:
    """A day's attempts are deleted in steps; others wait for one at most."""
    oldest = timezone.now() - timedelta(days=29)
    for rows in retention.aged(at__lt=oldest):
        took = [milliseconds(partial(retention.step, rows)) for _ in range(STEPS)]
        print(f"one step of forgetting {rows.model.__name__}: ", end="")
        print(f"median {statistics.median(took):.0f} ms, worst {max(took):.0f} ms")


def measure(server: Server) -> None:
    """Fill, ask, print."""
    took = milliseconds(lambda: fill(server, COUNT))
    print(f"{COUNT:,} attempts, {COUNT // 10:,} entries in {connection.vendor}", end="")
    print(f", filled in {took / 1000:.0f} s", flush=True)
    took = milliseconds(lambda: evidence.refresh(server, 3600))
    print(f"all evidence worked out in {took / 1000:.1f} s", flush=True)
    for domain in POPULAR:
        pins.add_domain(domain=domain, expect=Expect.ACCEPT, actor=MAILGUARD)
    browser = Client(headers={"host": "127.0.0.1"})
    browser.force_login(User.objects.create_user("bench"))
    told("Mail search", browser, [f"/search/?{query}" for query in QUERIES])
    middle = Attempt.objects.order_by("pk")[COUNT // 2].pk
    told("other pages", browser, (f"/search/{middle}/", *PAGES))
    forgetting()


def main() -> None:
    """Measure beside a practice server that was adopted."""
    enter()
    call_command("migrate", verbosity=0)
    with serving(WORLD), practice() as server:
        directory = str(server.instance.config_dir)
        row = Server.objects.create(name="local", config_dir=directory)
        worker.tend(row)
        measure(row)


if __name__ == "__main__":
    main()
