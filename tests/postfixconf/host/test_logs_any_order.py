"""Whatever is done to a log in whatever order: every line once, in order per file."""

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from postfixconf.host.logs import Bookmark, FileLog
from tests.support.rotating import RotatingLog, follow
from tests.support.soak import full

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 60)),
        st.tuples(st.just("half"), st.integers(1, 60)),
        st.tuples(st.just("late"), st.integers(1, 5)),
        st.tuples(st.just("read"), st.integers(1, 3000)),
        st.tuples(
            st.sampled_from(["rename", "copytruncate", "pack", "still"]),
            st.integers(1, 3),
        ),
    ),
    max_size=60,
)


class World:
    """A log, who writes it, and who follows it through a bookmark in JSON."""

    def __init__(self, path: Path, *, from_end: bool) -> None:
        self.written, self.log = RotatingLog(path), FileLog(path)
        self.bookmark = self.log.end() if from_end else Bookmark()
        self.sent: dict[int, list[str]] = defaultdict(list)
        self.seen: list[str] = []
        self.file, self.count, self.rest = 0, 0, ""

    def do(self, step: str, size: int) -> None:
        """One step; `size` is a number of lines, bytes or a file."""
        verb: Callable[[int], None] = getattr(self, step)
        verb(size)

    def line(self, file: int) -> str:
        """A line that comes only once, noted as sent to this file."""
        self.count += 1
        self.sent[file].append(f"Nov {file} {self.count} {'x' * (self.count % 50)}")
        return self.sent[file][-1]

    def write(self, size: int) -> None:
        """Whole lines; the first one ends what was begun."""
        self.finish()
        self.written.write("".join(self.line(self.file) + "\n" for _ in range(size)))

    def half(self, size: int) -> None:
        """The first part of a line."""
        self.finish()
        line = self.line(self.file) + "\n"
        self.written.write(line[:size])
        self.rest = line[size:]

    def finish(self) -> None:
        """The end of a line that was begun."""
        self.written.write(self.rest)
        self.rest = ""

    def late(self, size: int) -> None:
        """Lines from a writer who has not noticed that its file was renamed."""
        late = self.written.rotated(1)
        if late.exists() and late.stat().st_size:
            file = int(late.read_text().split(" ", 2)[1])
            self.written.write("".join(f"{self.line(file)}\n" for _ in range(size)), 1)

    def rename(self, size: int) -> None:
        """The last line is ended first: no writer leaves half a one behind."""
        self.finish()
        self.written.rename()
        self.file += 1

    def copytruncate(self, size: int) -> None:
        """The same, by copying."""
        self.finish()
        self.written.copytruncate()
        self.file += 1

    def pack(self, size: int) -> None:
        """FILE.size becomes FILE.size.gz."""
        self.written.pack(size)

    def still(self, size: int) -> None:
        """Nobody has written to FILE.size for an hour."""
        path = self.written.rotated(size)
        if path.exists() and size > 1:
            os.utime(path, (time.time() - 3600,) * 2)

    def read(self, size: int) -> None:
        """One read by a process that has just started."""
        kept = json.loads(json.dumps(self.bookmark.as_json()))
        chunk = self.log.read(Bookmark.from_json(kept), size)
        assert not chunk.trouble
        self.seen += chunk.data.decode().splitlines()
        self.bookmark = chunk.bookmark


@settings(max_examples=full(4000), deadline=None)
@given(steps=STEPS, from_end=st.booleans())
def test_every_line_comes_once(steps: list[tuple[str, int]], *, from_end: bool) -> None:
    with TemporaryDirectory() as room:
        world = World(Path(room) / "mail.log", from_end=from_end)
        if not from_end:
            world.read(1)
        for step, size in steps:
            world.do(step, size)
        world.finish()
        world.seen += follow(world.log, world.bookmark)[0]
        for file, lines in world.sent.items():
            assert [x for x in world.seen if x.split()[1] == str(file)] == lines
