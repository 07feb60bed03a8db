"""Judging any directory with a main.cf: nothing is started, no database is asked."""

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from postfixconf.errors import BadFile, BadValue
from postfixconf.host import files, tables
from postfixconf.host.instance import Instance
from postfixconf.host.maps import around
from postfixconf.host.observe import facts
from postfixconf.policy.entries import Lookup
from postfixconf.policy.lint import Finding, lint
from postfixconf.policy.observed import Facts
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["examine"]


def examine(directory: Path) -> tuple[Finding, ...]:
    """What is wrong with the configuration in a directory, worst first.

    master.cf is judged where it is there. Raises BadValue, which quotes the directory
    or the line that Postfix would not read, FileFailed, CommandFailed.
    """
    where = directory.resolve()
    if not (where / "main.cf").is_file():
        raise BadValue(str(directory), "no directory with a main.cf")
    try:
        main = MainCf.parse(read(where / "main.cf"))
        has_master = (where / "master.cf").is_file()
        master = MasterCf.parse(read(where / "master.cf")) if has_master else None
    except BadFile as cause:
        reason = f"{cause.name}, line {cause.line}: {cause.reason}"
        raise BadValue(cause.text, reason) from cause
    known = replace(installed(), config_directory=str(where))
    has_access = (where / Lookup.ACCESS).is_file()
    access = tables.hand_written(where / Lookup.ACCESS) if has_access else ""
    there = around(main, master, known)
    return lint(main, known, access, master=master, around=there)


def read(path: Path) -> str:
    """A file's text; any byte survives."""
    return files.read(path).text


@lru_cache(maxsize=1)
def installed() -> Facts:
    """What the installed Postfix is, told beside an empty main.cf.

    The one to be judged may have postconf wait, or refuse it.
    """
    with TemporaryDirectory(prefix="mailguard-") as directory:
        main = Path(directory) / "main.cf"
        main.touch()
        os.utime(main, (0, 0))
        return facts(Instance(Path(directory)), 0)
