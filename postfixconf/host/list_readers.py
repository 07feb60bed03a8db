"""The postgrey that have to be told of an apply, from before it to its end."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from postfixconf.errors import Refusal, Unproven
from postfixconf.host.checkpoint import Checkpoint
from postfixconf.host.postgreys import Daemon, readers
from postfixconf.host.rereading import bring_back, greet, reread, try_lists
from postfixconf.policy.entries import Spared
from postfixconf.policy.plan import Plan

__all__ = ["ListReaders"]


@dataclass(frozen=True)
class ListReaders:
    """The daemons that read some lists, found before those are replaced."""

    pairs: tuple[tuple[Path, Daemon], ...] = ()

    @classmethod
    def of(cls, paths: Iterable[Path]) -> "ListReaders":
        """Those that were started with one of these lists and run now."""
        return cls(tuple((path, each) for path in paths for each in readers(path)))

    @classmethod
    def of_plan(cls, plan: Plan, config_dir: Path) -> "ListReaders":
        """Those that read a list which the plan writes."""
        written = {each.path for each in plan.tables}
        return cls.of(config_dir / each for each in Spared if each in written)

    @classmethod
    def of_checkpoint(cls, point: Checkpoint) -> "ListReaders":
        """Those that read a list which a checkpoint holds."""
        kept = (Path(each.path) for each in point.kept())
        return cls.of(path for path in kept if str(path).endswith(tuple(Spared)))

    def ready(self) -> None:
        """See that each answers and can be told to read. Raises Refusal."""
        for _, daemon in self.pairs:
            try:
                greet(daemon)
            except Unproven as cause:
                raise Refusal(f"{cause}. Start it again first.") from cause
            try_lists(daemon)

    def reread(self) -> str:
        """Have each read its lists again; what was seen. Raises Unproven."""
        try:
            return "; ".join(reread(daemon, path) for path, daemon in self.pairs)
        except Refusal as cause:  # too late for that: another may have been told
            raise Unproven(str(cause)) from cause

    def bring_back(self) -> None:
        """Have each go on with what stands there now; one that has died is started.

        Raises HostError.
        """
        for path, daemon in self.pairs:
            bring_back(daemon, path)
