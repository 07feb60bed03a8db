"""Waiting for a queued revision, and telling how it ended: for the command line."""

import time
from argparse import ArgumentParser
from typing import Any

from mailguard.changes.models import Revision, State
from mailguard.command import Exit

__all__ = ["add_timeout", "ended", "nothing"]

EXITS = {
    State.APPLIED: Exit.DONE,
    State.REFUSED: Exit.REFUSED,
    State.ROLLED_BACK: Exit.REFUSED,
    State.BROKEN: Exit.BROKEN,
}


def add_timeout(parser: ArgumentParser) -> None:
    """The option that says how long to wait."""
    parser.add_argument("--timeout", type=float, default=60, help="seconds to wait")


def ended(revision: Revision, timeout: float) -> tuple[Exit, dict[str, Any], str]:
    """Wait up to `timeout` seconds; exit code, JSON object and text."""
    end = time.monotonic() + timeout
    while not revision.finished and time.monotonic() < end:
        time.sleep(0.05)
        revision.refresh_from_db()
    told = {
        "revision": revision.number,
        "outcome": revision.state,
        "steps": revision.steps,
        "findings": revision.findings,
        "cause": revision.cause,
    }
    code = EXITS.get(State(revision.state), Exit.UNREACHABLE)
    text = f"Revision {revision.number}: {revision.get_state_display()}"
    return code, told, f"{text}. {revision.cause}".rstrip(". ") + "."


def nothing(text: str = "") -> tuple[Exit, dict[str, Any], str]:
    """Exit code, JSON object and text where there was nothing to bring live."""
    told: dict[str, Any] = {
        "revision": None,
        "outcome": "nothing",
        "steps": [],
        "findings": [],
        "cause": "",
    }
    return Exit.DONE, told, text
