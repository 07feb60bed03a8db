"""What every command of ours shares: `--json`, exit codes, one error shape.

Exit: 0 done, 1 refused or rolled back, 2 bad input, 3 worker or Postfix not
reachable (still queued), 4 broken.
"""

import json
import sys
from abc import ABC, abstractmethod
from argparse import ArgumentParser
from enum import IntEnum
from typing import Any

from django.core.management.base import BaseCommand

from mailguard.concealing import concealed
from mailguard.errors import NotNow
from postfixconf.errors import BadValue, PostfixconfError
from postfixconf.masking import masked

__all__ = ["Command", "Exit"]


class Exit(IntEnum):
    """The exit codes that scripts depend on."""

    DONE = 0
    REFUSED = 1
    BAD_INPUT = 2
    UNREACHABLE = 3
    BROKEN = 4


class Command(ABC, BaseCommand):
    """A command: `act` returns (exit code, JSON object, text for people).

    One that works without a database says so in `alone`: then keys are masked before
    the zones that everybody knows, not before one's own.
    """

    requires_system_checks = []
    alone = False

    @abstractmethod
    def act(self, **options: Any) -> tuple[Exit, dict[str, Any], str]:
        """Do it. Raises BadValue, NotNow, PostfixconfError."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code, told, text = self.act(**options)
        except BadValue as cause:
            code, text = Exit.BAD_INPUT, str(cause)
            told = error("bad_input", text, cause.text)
        except (NotNow, PostfixconfError) as cause:
            code, text = Exit.REFUSED, str(cause)
            told = error("refused", text)
        if options["json"]:
            self.stdout.write(self.shown(json.dumps(told)))
        else:
            to = self.stdout if code is Exit.DONE else self.stderr
            to.write(self.shown(text))
        sys.exit(code)

    def shown(self, text: str) -> str:
        """What leaves here: no key of a blocklist."""
        return masked(text) if self.alone else concealed(text)


def error(kind: str, message: str, quoted: str = "") -> dict[str, str]:
    """The one shape of an error."""
    return {"error": kind, "message": message, "quoted": quoted}
