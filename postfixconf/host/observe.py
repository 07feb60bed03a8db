"""Looking at a server: its files, and what its Postfix is."""

from functools import lru_cache
from pathlib import Path

from postfixconf.host.commands import run
from postfixconf.host.instance import Instance
from postfixconf.policy.observed import Facts, Observed, Texts
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["observe"]

POSTCONF = Path("/usr/sbin/postconf")


def observe(instance: Instance) -> Observed:
    """What the server has now.

    Raises FileFailed where a file is missing or unreadable, BadFile (with line
    and text) where Postfix itself would not read it, CommandFailed.
    """
    texts = Texts(instance.main().text, instance.master().text)
    MainCf.parse(texts.main)
    MasterCf.parse(texts.master)
    installed = POSTCONF.stat().st_mtime_ns if POSTCONF.exists() else 0
    known = facts(instance, installed)
    return Observed(texts, known, instance.master_pid() is not None)


@lru_cache(maxsize=4)
def facts(instance: Instance, installed: int) -> Facts:
    """What this Postfix is, asked anew when `installed` (postconf's mtime) changes."""
    del installed
    types = run("postconf", "-c", str(instance.config_dir), "-m", timeout=15)
    defaults = instance.values(defaults=True)
    return Facts(
        defaults["mail_version"],
        defaults,
        tuple(types.out.split()),
        defaults["default_database_type"],
    )
