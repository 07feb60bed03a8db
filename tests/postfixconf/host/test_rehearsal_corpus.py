"""Real configurations: staged, read by Postfix, and started where they can be.

Those that do not start say why: they need files, users or addresses of their machine.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from postfixconf.errors import BadFile, BadValue, Unproven
from postfixconf.host.commands import run
from postfixconf.host.rehearsal.running import Candidate, rehearsing
from postfixconf.host.rehearsal.staging import stage
from postfixconf.policy.probes import Probe
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from tests.support.corpus import corpus, text_of
from tests.support.dns import Dns
from tests.support.facts import STOCK_MASTER
from tests.support.rehearsed import old
from tests.support.rooms import mounted
from tests.support.soak import full

PLAIN = "compatibility_level = 3.6\n"
LIVE = Path("/etc/postfix")
PROBE = Probe("192.0.2.66", "mx.e.example", "alice@good.example", "postmaster")
# No rehearsal: what Postfix would not read, or has no smtpd.
NONE = (BadFile, BadValue)
Pair = tuple[str, str, str]


def pairs() -> Iterator[Pair]:
    """Each real file with a plain one for the other: its name, and the two texts."""
    for path in corpus("main.cf"):
        yield path.name, text_of(path), STOCK_MASTER
    for path in corpus("master.cf"):
        yield path.name, PLAIN, text_of(path)


def named(text: str) -> set[str]:
    """The parameters that a listing of postconf has."""
    return {line.partition(" =")[0] for line in text.splitlines()}


def test_every_configuration_is_staged_and_postfix_reads_it(tmp_path: Path) -> None:
    staged = 0
    etc = tmp_path / "etc"
    etc.mkdir()
    for name, main, master in pairs():
        try:
            made = stage(MainCf.parse(main), MasterCf.parse(master), LIVE, tmp_path)
        except NONE:
            continue
        old(etc / "main.cf", made.main)
        old(etc / "master.cf", made.master)
        done = run("postconf", "-c", str(etc), "-n", check=False)
        if done.code:
            old(etc / "main.cf", main)
            before = run("postconf", "-c", str(etc), "-n", check=False)
            assert before.err == done.err, name  # an interface of their machine
            continue
        assert not done.err.count("overriding earlier entry"), name
        assert "queue_directory" in named(done.out), name
        if master != STOCK_MASTER:
            services = run("postconf", "-c", str(etc), "-M").out.splitlines()
            assert all(each.split()[1] == "unix" for each in services), name
            commands = {each.split()[7] for each in services}
            assert commands == {"smtpd", "trivial-rewrite", "proxymap"}, name
        staged += 1
    assert staged > 0.9 * len(list(pairs()))


@pytest.fixture
def live(dns: Dns, tmp_path: Path) -> Iterator[Path]:
    """Where the configurations are said to be, with nothing else in it."""
    tmp_path.chmod(0o755)
    for name in ("etc", "spool"):
        (tmp_path / name).mkdir()
    with mounted():
        yield tmp_path


def test_every_configuration_starts_or_says_why_not(
    live: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    every = list(pairs())
    ends: Counter[str] = Counter()
    for name, main, master in every[:: len(every) // full(len(every))]:
        candidate = Candidate(main, master, live / "etc", live / "spool")
        try:
            with rehearsing(candidate) as running:
                assert running.ask([PROBE])[0].code >= 200
                ends["started"] += 1
        except NONE as cause:
            ends[type(cause).__name__] += 1
        except Unproven as cause:
            reason = str(cause).removeprefix("Postfix does not start: ")
            assert reason, name
            ends[" ".join(reason.split()[:9])[:70]] += 1
    assert ends["started"] > 0.3 * ends.total()
    with capsys.disabled():
        lines = [f"{count:5} {reason}" for reason, count in ends.most_common()]
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
