"""A throw-away Postfix that has a configuration to be tried, and its answers.

master is started by itself, without postfix(1): nothing is checked, nothing detaches,
and everything it starts is killed with it.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from subprocess import Popen

from postfixconf.errors import FileFailed, Unproven
from postfixconf.host import log
from postfixconf.host.commands import attended, run
from postfixconf.host.conversation import Reply, Session, session
from postfixconf.host.files import SETTLED
from postfixconf.host.instance import Instance
from postfixconf.host.rehearsal.answers import Answer, answers, nobody
from postfixconf.host.rehearsal.attendant import Attendant, attending
from postfixconf.host.rehearsal.marking import ASKED
from postfixconf.host.rehearsal.neutral import Neutral
from postfixconf.host.rehearsal.room import furnish, room
from postfixconf.host.rehearsal.staging import Stage, stage
from postfixconf.policy.plan import Plan
from postfixconf.policy.probes import Probe
from postfixconf.text.expansion import expanded
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["Candidate", "Rehearsal", "rehearsing", "trials"]

START = 10.0  # seconds until master listens
LOOK = 0.001  # seconds between two looks at it
LIMBO = 0.05  # seconds until the last words of a master that ended are here
SESSIONS = 4  # conversations at once: DNS answers slowly
FEW = 8  # probes for which one more conversation is worth its start
MOST = 60_000  # probes that can be told apart by their port
GONE = (421, 521)  # replies after which smtpd hangs up


@dataclass(frozen=True)
class Candidate:
    """A configuration to try, as it would stand in `config_dir`.

    `queue_directory` is the live one, whose chroot is copied. `exchanged` are the
    tables that a change writes: where they would stand, and where they are now.
    `started` are the policy services that the change has answer before they are asked.
    """

    main: str
    master: str
    config_dir: Path
    queue_directory: Path
    exchanged: Mapping[Path, Path] = field(default_factory=dict)
    started: tuple[str, ...] = ()


def trials(
    plan: Plan, server: Instance, tables: Mapping[Path, Path]
) -> tuple[Candidate, Candidate]:
    """What a plan would make of a server, with these tables, and what it found."""
    live = server.config_dir, server.queue_directory
    after, before = plan.after, plan.before
    return (
        Candidate(after.main, after.master, *live, tables, started(plan)),
        Candidate(before.main, before.master, *live),
    )


def started(plan: Plan) -> tuple[str, ...]:
    """The services that will run before main.cf asks them, as it may name them."""
    return tuple(each.address for each in plan.needs if each.after)


class Rehearsal:
    """A running throw-away Postfix."""

    def __init__(self, staged: Stage, where: Path, attendant: Attendant) -> None:
        self.staged = staged
        self.queue = where / "queue"
        self._config_dir = where / "etc"
        self._attendant = attendant

    @property
    def left_out(self) -> tuple[str, ...]:
        """What is not rehearsed, a clause each."""
        return self.staged.left_out

    def values(self, *names: str) -> dict[str, str]:
        """Parameters as this Postfix sees them, `$` expanded. Raises CommandFailed."""
        return Instance(self._config_dir).values(*names)

    def unreadable(self) -> str:
        """What Postfix says of a main.cf that kills every daemon; else empty."""
        return Instance(self._config_dir).unreadable()

    def alarms(self) -> list[str]:
        """What its daemons said that means they cannot work."""
        return log.alarms(self._attendant.texts())

    def remarks(self) -> list[str]:
        """What explains the faults among the last answers. Raises Unproven."""
        self._attendant.caught_up()
        return log.remarks(self._attendant.texts())

    def socket(self, service: str) -> Path:
        """Where a service of master.cf listens. Raises BadValue."""
        return self.queue / "private" / self.staged.sockets[service]

    def ask(self, probes: Sequence[Probe], *, own_reply: str = "") -> list[Answer]:
        """The answer to each probe, in order; `own_reply` as for `answers`.

        For a service that is not there nobody answers. Raises Unproven where Postfix
        does not answer at all, with the reason.
        """
        here = [each for each in probes if self.staged.has(each.service)]
        found: list[Answer] = []
        for at in range(0, len(here), MOST):
            some = here[at : at + MOST]
            replies, lines = self.replies(some)
            found += answers(some, replies, lines, own_reply)
        if len(here) == len(probes):
            return found
        told = iter(found)
        return [
            next(told) if self.staged.has(each.service) else nobody(each)
            for each in probes
        ]

    def replies(self, probes: Sequence[Probe]) -> tuple[list[Reply], list[bytes]]:
        """The reply to each of up to 60,000 probes, and all that was logged.

        Raises BadValue for a service that is not there, Unproven.
        """
        by_service: dict[str, list[int]] = {}
        for at, probe in enumerate(probes):
            service = self.staged.service(probe.service)
            by_service.setdefault(service, []).append(at)
        self._attendant.lines.clear()
        replies: dict[int, Reply] = {}
        with ThreadPoolExecutor(SESSIONS) as pool:
            asked = [
                pool.submit(self._converse, service, part, probes)
                for service, numbers in by_service.items()
                for part in parts(numbers)
            ]
            for each in asked:
                replies |= each.result()
        self._attendant.caught_up()
        return [replies[at] for at in range(len(probes))], self._attendant.lines

    def _converse(
        self, service: str, numbers: Sequence[int], probes: Sequence[Probe]
    ) -> dict[int, Reply]:
        """Ask these probes in one conversation, or in more where smtpd hangs up."""
        replies: dict[int, Reply] = {}
        waiting = list(reversed(numbers))
        while waiting:
            with session(self.socket(service), self.alarms) as talk:
                talk.greet()
                while waiting:
                    at = waiting.pop()
                    replies[at] = talk.envelope(probes[at], at + 1)
                    if replies[at].code in GONE:
                        break
        return replies

    @contextmanager
    def conversation(self, service: str = "") -> Iterator[Session]:
        """A conversation with a service, to be led by hand. Raises Unproven."""
        path = self.socket(self.staged.service(service))
        with session(path, self.alarms) as talk:
            talk.greet()
            yield talk


def parts(numbers: list[int]) -> list[list[int]]:
    """The same numbers, spread over as many conversations as are worth it."""
    count = min(SESSIONS, -(-len(numbers) // FEW))
    return [numbers[at::count] for at in range(count)]


@contextmanager
def rehearsing(
    candidate: Candidate, *, traced: bool = False, softly: bool = False
) -> Iterator[Rehearsal]:
    """Run a configuration, for as long as this lasts; `traced` is what `trace` needs.

    With `softly` besides, every rule only says what it would refuse.

    Raises Unproven where Postfix does not start, with its reason, BadFile for a text
    that Postfix would not read, BadValue, FileFailed, CommandFailed.
    """
    with room() as where:
        furnish(
            where, candidate.config_dir, candidate.queue_directory, candidate.exchanged
        )
        main, master = MainCf.parse(candidate.main), MasterCf.parse(candidate.master)
        live = candidate.config_dir
        neutral = Neutral(main, live, where, candidate.exchanged)
        usual = as_written(candidate, where / "written") if traced else None
        made = stage(main, master, live, where, usual, neutral, softly=softly)
        write(where / "etc" / "main.cf", made.main)
        write(where / "etc" / "master.cf", made.master)
        daemons = expanded(main.get("daemon_directory") or default_daemons(), main.get)
        if not Path(daemons, "master").exists():
            raise Unproven(f"there is no Postfix in daemon_directory = {daemons}")
        with (
            attending(where / "queue") as attendant,
            attended(f"{daemons}/master", "-d", MAIL_CONFIG=f"{where}/etc") as process,
        ):
            running = Rehearsal(made, where, attendant)
            wait_for(process, running)
            yield running


def as_written(candidate: Candidate, room: Path) -> dict[str, str]:
    """The lists of main.cf as the candidate has them, `$` expanded."""
    try:
        room.mkdir()
    except OSError as cause:
        raise FileFailed(str(room), cause) from cause
    write(room / "main.cf", candidate.main)
    values = Instance(room).values(*ASKED)
    live = str(candidate.config_dir)
    return {name: each.replace(str(room), live) for name, each in values.items()}


def write(path: Path, text: str) -> None:
    """A file that looks old: Postfix waits for a young main.cf to be older."""
    try:
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        old = time.time() - SETTLED
        os.utime(path, (old, old))
    except OSError as cause:
        raise FileFailed(str(path), cause) from cause


def wait_for(process: "Popen[bytes]", running: Rehearsal) -> None:
    """Return when master listens for every smtpd. Raises Unproven.

    A socket is there before it listens, so the one after theirs is looked for.
    """
    last = running.queue / "private" / running.staged.last
    end = time.monotonic() + START
    while not last.exists():
        if process.poll() is not None:
            time.sleep(LIMBO)
            said = running.alarms() or [running.unreadable()]
            raise Unproven(f"Postfix does not start: {'; '.join(said)}")
        if time.monotonic() > end:
            raise Unproven(f"Postfix does not start within {START:g} seconds")
        time.sleep(LOOK)


@lru_cache(maxsize=1)
def default_daemons() -> str:
    """Where the installed Postfix has its daemons."""
    return run("postconf", "-d", "-h", "daemon_directory", timeout=15).out.strip()
