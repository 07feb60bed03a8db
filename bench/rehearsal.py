"""`make bench`: the start, safety probes and stop of a rehearsal, and its speed.

Prints medians and where the time goes. Everything runs in a network namespace.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from postfixconf.host.rehearsal.running import Candidate, rehearsing
from postfixconf.host.rehearsal.safety import rehearse
from postfixconf.policy.probes import Probe, Verdict
from tests.support.dns import WORLD, serving
from tests.support.namespace import enter
from tests.support.practice import Practice
from tests.support.practice import serving as practice

ROUNDS = 20
BUDGET = 0.45  # seconds
ENVELOPES = 10_000
SPEED = 2500  # accepted envelopes a second
TO = "bob@practice.test"


def seconds(act: Callable[[], object]) -> float:
    """The median time of an act, in seconds."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        act()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def as_it_is(server: Practice) -> Candidate:
    """What a server has, to be rehearsed."""
    instance = server.instance
    main, master = instance.main().text, instance.master().text
    return Candidate(main, master, instance.config_dir, instance.queue_directory)


def start_and_stop(candidate: Candidate) -> None:
    """A rehearsal in which nothing is asked."""
    with rehearsing(candidate):
        pass


def envelopes_a_second(candidate: Candidate, probe: Probe, verdict: Verdict) -> float:
    """How many of these a rehearsal answers; the best of three."""
    speeds = []
    with rehearsing(candidate) as running:
        running.ask([probe] * 100)
        for _ in range(3):
            begun = time.perf_counter()
            found = running.ask([probe] * ENVELOPES)
            speeds.append(ENVELOPES / (time.perf_counter() - begun))
            assert {each.verdict for each in found} == {verdict}
    return max(speeds)


@contextmanager
def served() -> Iterator[Practice]:
    """A practice server with a DNS."""
    enter()
    with serving(WORLD), practice() as server:
        yield server


def main() -> None:
    """Measure and print."""
    with served() as server:
        candidate = as_it_is(server)
        bare = seconds(lambda: start_and_stop(candidate))
        whole = seconds(lambda: rehearse(candidate, candidate))
        taken = Probe(
            "192.0.2.66", "mx.good.example", "a@good.example", TO, "mx.a.example"
        )
        accepted = envelopes_a_second(candidate, taken, Verdict.ACCEPT)
        relayed = Probe("192.0.2.66", "mx.good.example", "", "x@elsewhere.example")
        refused = envelopes_a_second(candidate, relayed, Verdict.DEFER)
    load = Path("/proc/loadavg").read_text().split()[0]
    print(f"start + stop                 {bare:10.3f} s")
    print(f"start + safety probes + stop {whole:10.3f} s   (budget {BUDGET} s)")
    print(f"accepted envelopes           {accepted:10,.0f} /s  (budget {SPEED:,} /s)")
    print(f"refused envelopes            {refused:10,.0f} /s")
    print(f"load of the machine          {load:>10}")


if __name__ == "__main__":
    main()
