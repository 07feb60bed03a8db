"""Rotation at the worst moment: between two steps of one read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postfixconf.host.logs import Bookmark, FileLog, family
from postfixconf.host.logs.family import Family
from postfixconf.host.logs.text import Text
from tests.support.rotating import RotatingLog, follow


def renamed_and_packed(written: RotatingLog) -> None:
    """What logrotate does without `delaycompress`."""
    written.rename()
    written.pack()


ROTATIONS = [RotatingLog.rename, RotatingLog.copytruncate, renamed_and_packed]
# Longer than the first bytes that name a file.
BEFORE = "".join(f"three {n}\n" for n in range(300))
AFTER = "".join(f"four, longer {n}\n" for n in range(300))
STEPS: list[tuple[object, str]] = [
    (Family, "rotated"),
    (family, "_listed"),
    (family, "_readable"),
    (Text, "__init__"),
    (Text, "take"),
    (Text, "lines"),
    (Text, "unchanged"),
]


def just_before(
    patch: pytest.MonkeyPatch,
    where: tuple[object, str],
    nth: int,
    act: Callable[[], None],
) -> None:
    """Do `act` once, before the `nth` call of a step."""
    real, calls = getattr(*where), [0]

    def acting(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == nth:
            act()
        return real(*args, **kwargs)

    patch.setattr(*where, acting)


@pytest.mark.parametrize("rotate", ROTATIONS)
@pytest.mark.parametrize("after", [AFTER, "four\n"], ids=["much", "little"])
@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("where", STEPS)
def test_rotated_in_the_middle_of_a_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: tuple[object, str],
    nth: int,
    *,
    seen: bool,
    after: str,
    rotate: Callable[[RotatingLog], None],
) -> None:
    written = RotatingLog(tmp_path / "mail.log")
    log = FileLog(written.path)
    written.write("one\n" if seen else "")
    lines, bookmark = follow(log, Bookmark())
    written.write("" if seen else "one\n")
    written.write("two\n")
    written.rename()
    written.write(BEFORE)

    def act() -> None:
        monkeypatch.undo()
        rotate(written)
        written.write(after)

    just_before(monkeypatch, where, nth, act)
    for _ in range(5):
        found, bookmark = follow(log, bookmark)
        lines += found
    monkeypatch.undo()
    lines += follow(log, bookmark)[0]
    text = written.path.read_text()
    happened = text.splitlines() if text.startswith("four") else []
    assert sorted(lines) == sorted(["one", "two", *BEFORE.splitlines(), *happened])
