"""The steps of an apply as they happen, for whoever watches."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

__all__ = ["Journal", "Step"]


@dataclass(frozen=True)
class Step:
    """One step: `ok` is None while it runs, `ms` how long it took, and its words."""

    name: str
    ok: bool | None = None
    ms: int = 0
    said: str = ""


@dataclass
class Journal:
    """Collects steps and tells `watch` after each change.

    An exception from `watch` fails the step it was told of, as any other
    failure would.
    """

    watch: Callable[[tuple[Step, ...]], None] = lambda steps: None
    steps: list[Step] = field(default_factory=list)

    def unwatched(self) -> "Journal":
        """The same journal for the way back, which no watcher may stop."""
        return Journal(steps=self.steps)

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str], None]]:
        """Run one named step; the yielded function notes what was seen."""
        at = len(self.steps)
        begun = time.monotonic()
        self.steps.append(Step(name))

        def note(said: str) -> None:
            self.steps[at] = replace(self.steps[at], said=said)

        def end(*, ok: bool) -> None:
            ms = round((time.monotonic() - begun) * 1000)
            self.steps[at] = replace(self.steps[at], ok=ok, ms=ms)

        try:
            self.watch(tuple(self.steps))
            yield note
        except BaseException as cause:
            note(str(cause))
            end(ok=False)
            raise
        end(ok=True)
