"""A practice server of a test's own: a real Postfix on a port, gone afterwards."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from postfixconf.errors import HostError
from postfixconf.host import files, postgrey, practice
from postfixconf.host.apply import Outcome, apply
from postfixconf.host.apply_journal import Journal, Step
from postfixconf.host.instance import Instance
from postfixconf.host.observe import observe
from postfixconf.host.postgrey import Postgrey
from postfixconf.host.rehearsal.safety import PLAIN, Demands
from postfixconf.policy.control import Mode
from postfixconf.policy.entries import Entry, Lookup
from postfixconf.policy.greylisting import Greylisting
from postfixconf.policy.lookups import Uses, type_of
from postfixconf.policy.observed import Observed, Texts
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.plan import Plan, plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.sources import dotted, lines
from postfixconf.policy.table import Table
from postfixconf.text.maincf import MainCf
from tests.support.keyed import KEYS, SEAL
from tests.support.smtp import Client, Reply, attempt, smtp
from tests.support.starting import start

__all__ = [
    "REHEARSED",
    "STRANGER",
    "Practice",
    "Tried",
    "configure",
    "fail_at",
    "serving",
    "tables_of",
    "text_lines",
]

STRANGER = "127.0.0.66"
# For what the live proof has to see by itself: the rehearsal would see it before.
REHEARSED = Demands(passed="rehearsed before")
NOTHING: Mapping[str, str] = {}


NO_DOMAINS = OwnDomains()
UNSET = Greylisting()


def tables_of(
    entries: Sequence[Entry], policy: Policy, adopted: Texts, seen: Observed
) -> list[Table]:
    """Every table of entries, made anew."""
    main = MainCf.parse(adopted.main)
    own = policy.own if policy.own_mode is not Mode.OFF else NO_DOMAINS
    made = []
    for table in Lookup:
        mine = [each for each in entries if each.lookup is table]
        text = "".join(lines(table, mine, own, dotted=dotted(main, seen.facts)))
        if text or table in seen.tables:
            kind = type_of(table, main, seen.facts)
            hand = seen.texts.access if table is Lookup.ACCESS else None
            version = sha256(text.encode()).hexdigest()
            made.append(Table(table, kind, version, text_lines(text), hand))
    return made


def text_lines(text: str) -> Callable[[], Iterable[str]]:
    """A table's lines from its text."""
    return lambda: text.splitlines(keepends=True)


@dataclass(frozen=True)
class Tried:
    """Lines to add to the two files, and tables."""

    main: str = ""
    master: str = ""
    tables: tuple[Table, ...] = ()


@dataclass
class Practice:
    """A running practice server and what a test does with it."""

    room: Path
    instance: Instance
    port: int
    adopted: Texts
    number: int = 0

    @property
    def checkpoints(self) -> Path:
        """Where its checkpoints are kept."""
        return self.room / "checkpoints"

    @property
    def postgrey(self) -> Postgrey:
        """The postgrey beside it."""
        found = postgrey.find(self.instance)
        assert found is not None
        return found

    def observed(self) -> Observed:
        """What it has now."""
        return observe(self.instance)

    def plan(
        self,
        modes: dict[str, str],
        entries: Sequence[Entry] = (),
        own: OwnDomains = NO_DOMAINS,
        *,
        relays: tuple[str, ...] = (),
        reload: bool = False,
        greylisting: Greylisting = UNSET,
    ) -> Plan:
        """The plan that brings it from what was adopted to this policy."""
        uses = Uses.of([(each.side, each.lookup) for each in entries])
        policy = replace(
            Policy.of(modes),
            own=own,
            uses=uses,
            relays=relays,
            greylisting=greylisting,
        )
        seen = self.observed()
        tables = tables_of(entries, policy, self.adopted, seen)
        return plan(policy, self.adopted, seen, reload=reload, tables=tables, keys=KEYS)

    def apply(
        self,
        made: Plan | dict[str, str],
        journal: Journal | None = None,
        demands: Demands = PLAIN,
    ) -> Outcome:
        """Bring a plan, or these modes, live by the protocol."""
        self.number += 1
        return apply(
            self.plan(made) if isinstance(made, dict) else made,
            self.instance,
            checkpoints=self.checkpoints,
            number=self.number,
            journal=journal or Journal(),
            demands=demands,
            seal=SEAL,
        )

    def candidate(self, tried: Tried) -> Plan:
        """A plan past the linter, with whatever a test wants to try in it."""
        before = self.observed().texts
        made = self.plan({"disable_vrfy_command": "on"})
        after = Texts(before.main + tried.main, made.after.master + tried.master)
        return replace(
            made, before=before, after=after, findings=(), tables=tried.tables
        )

    def smtp(
        self, src: str = STRANGER, helo: str = "client.example"
    ) -> AbstractContextManager[Client]:
        """A connection from `src` that has said HELO."""
        return smtp("127.0.0.1", self.port, src=src, helo=helo)

    def attempt(self, sender: str, recipient: str, **how: str | None) -> Reply:
        """The reply that decides one envelope, from a stranger by default."""
        return attempt(sender, recipient, port=self.port, **({"src": STRANGER} | how))  # type: ignore[arg-type]

    def files(self) -> list[str]:
        """What stands in its configuration directory, temporary files included."""
        return sorted(path.name for path in self.instance.config_dir.iterdir())

    def works_for_strangers(self) -> bool:
        """Whether an honest stranger's mail gets in."""
        sender, recipient = "alice@good.example", "bob@practice.test"
        return self.attempt(sender, recipient, src="127.0.0.10").ok

    def works(self) -> bool:
        """Whether it runs, with the adopted files, and an honest stranger gets in."""
        return self.observed().texts == self.adopted and self.works_for_strangers()

    def log(self, mark: int = 0) -> str:
        """What Postfix has logged since `mark`."""
        return "\n".join(self.instance.log.since(mark))


def configure(instance: Instance, settings: Mapping[str, str]) -> None:
    """Set these in its main.cf as mailguard would.

    Not appended: of a second assignment every daemon logs a warning as it starts,
    and postlogd then waits for itself once ten lines are queued. Not just written:
    each of Postfix's programs waits up to two seconds for a main.cf that is new.
    """
    before = instance.main()
    main = MainCf.parse(before.text)
    for name, value in settings.items():
        main = main.set(name, value)
    files.replace(replace(before, data=main.render().encode()))


@contextmanager
def serving(
    port: int = 2525, settings: Mapping[str, str] = NOTHING
) -> Iterator[Practice]:
    """A practice server that runs on `port`; `settings` stand in its main.cf."""
    room = Path(tempfile.mkdtemp(prefix="mailguard-", dir="/tmp"))
    room.chmod(0o755)
    instance = practice.create(room / "practice", port)
    configure(instance, settings)
    start(instance)
    try:
        yield Practice(room, instance, port, observe(instance).texts)
    finally:
        instance.stop()
        if greylisting := postgrey.find(instance):
            greylisting.stop()
        shutil.rmtree(room)


def fail_at(step: str) -> Journal:
    """A journal that makes the protocol fail as it begins `step`."""
    return Journal(watching(step, HostError(f"made to fail at {step}")))


def watching(step: str, error: BaseException) -> Callable[[tuple[Step, ...]], None]:
    """A watcher that raises `error` when `step` first begins."""

    def watch(steps: tuple[Step, ...]) -> None:
        if [each.name for each in steps].count(step) == 1 == (steps[-1].name == step):
            raise error

    return watch
