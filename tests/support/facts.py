"""The installed Postfix, and what a configuration would be on it."""

import os
from dataclasses import replace
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
    """What the Postfix on this machine is; with Debian's postgrey beside it."""
    with TemporaryDirectory() as directory:
        main = Path(directory) / "main.cf"
        main.touch()
        os.utime(main, (0, 0))
        found = facts(Instance(Path(directory)), 0)
        return replace(found, postgrey="inet:127.0.0.1:10023")


def observed(main: str, master: str = STOCK_MASTER) -> Observed:
    """A server that has these two files."""
    return Observed(Texts(main, master), installed(), running=True)
