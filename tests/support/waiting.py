"""Waiting for what another process does in its own time."""

import time
from collections.abc import Callable

__all__ = ["eventually"]


def eventually(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Assert that `holds` becomes true; Postfix logs through a daemon of its own.

    A busy machine is slow: how long it may take is what the page promises only where a
    test says so.
    """
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds:g} seconds"
        time.sleep(0.01)
