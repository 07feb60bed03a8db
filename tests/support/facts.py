"""The installed Postfix, and what a configuration would be on it."""

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from postfixconf.host import practice
from postfixconf.host.instance import Instance
from postfixconf.host.observe import facts
from postfixconf.policy.observed import Facts, Observed, Texts

__all__ = ["STOCK_MASTER", "installed", "observed"]

STOCK_MASTER = practice.stock(practice.STOCK_MASTER)


@cache
def installed() -> Facts:
    """What the Postfix on this machine is."""
    with TemporaryDirectory() as directory:
        main = Path(directory) / "main.cf"
        main.touch()
        os.utime(main, (0, 0))
        return facts(Instance(Path(directory)), 0)


def observed(main: str, master: str = STOCK_MASTER) -> Observed:
    """A server that has these two files."""
    return Observed(Texts(main, master), installed(), running=True)
