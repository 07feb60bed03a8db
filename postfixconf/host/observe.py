"""Looking at a server: its files, and what its Postfix is."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from postfixconf.errors import BadFile, HostError
from postfixconf.host import files, postgrey, tables
from postfixconf.host.commands import run
from postfixconf.host.instance import Instance
from postfixconf.host.interfaces import interfaces
from postfixconf.host.maps import around
from postfixconf.policy.entries import Lookup, Spared
from postfixconf.policy.keyed import REPLIES_TABLE
from postfixconf.policy.listing import Asked
from postfixconf.policy.lookups import OWN_TABLE
from postfixconf.policy.needs import POSTGREY_LISTS
from postfixconf.policy.networks import NAME as MYNETWORKS
from postfixconf.policy.observed import Facts, Observed, Texts
from postfixconf.policy.plan import Plan
from postfixconf.policy.recorder import RECORDER_TABLE
from postfixconf.policy.relays import RELAY_TABLES
from postfixconf.text.expansion import expanded
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = [
    "directories",
    "edited",
    "observe",
    "options_file",
    "standing",
    "texts_of",
]

# What is ours alone, besides the tables of entries and those of keyed lists.
SMALL = (OWN_TABLE, RECORDER_TABLE, REPLIES_TABLE, *RELAY_TABLES.values())
POSTCONF = Path("/usr/sbin/postconf")
TLS_FILES = (
    "smtpd_tls_chain_files",
    "smtpd_tls_cert_file",
    "smtpd_tls_key_file",
    "smtpd_tls_eccert_file",
    "smtpd_tls_eckey_file",
    "smtpd_tls_dcert_file",
    "smtpd_tls_dkey_file",
)


def observe(instance: Instance) -> Observed:
    """What the server has now.

    Raises FileFailed where a file is missing or unreadable, BadFile (with line
    and text) where Postfix itself would not read it, CommandFailed.
    """
    texts = texts_of(instance)
    main, master = MainCf.parse(texts.main), MasterCf.parse(texts.master)
    installed = POSTCONF.stat().st_mtime_ns if POSTCONF.exists() else 0
    known = with_postgrey(facts(instance, installed), instance)
    known = replace(known, missing_files=tuple(missing_files(main, master)))
    running = instance.master_pid() is not None
    own = tuple(interfaces())
    style = styled(instance, main, own) if main.get(MYNETWORKS) is None else ""
    there = replace(around(main, master, known), interfaces=own, styled=style)
    return Observed(texts, known, running, standing(instance), there)


@lru_cache(maxsize=4)
def styled(instance: Instance, main: MainCf, own: tuple[tuple[str, str], ...]) -> str:
    """mynetworks as mynetworks_style makes it; asked anew when either changes.

    Empty where Postfix does not tell.
    """
    del main, own
    try:
        return instance.values(MYNETWORKS).get(MYNETWORKS, "")
    except HostError:
        return ""


def texts_of(instance: Instance) -> Texts:
    """What a person may have written by hand, as it stands. Raises FileFailed."""
    hand = tables.hand_written(instance.config_dir / Lookup.ACCESS)
    options = "".join(saved.text for saved, _ in options_file(instance, ""))
    return Texts(instance.main().text, instance.master().text, hand, options)


def edited(plan: Plan, instance: Instance) -> list[str]:
    """The files that are not what a plan was made from, by name or path."""
    live, then, now = texts_of(instance), plan.before, standing(instance)
    pairs: list[tuple[str, str | None, str | None]] = [
        ("main.cf", live.main, then.main),
        ("master.cf", live.master, then.master),
        (Lookup.ACCESS, live.access, then.access),
        (plan.options, live.options, then.options),
        *((x, now.get(x), plan.standing.get(x)) for x in {*now, *plan.standing}),
    ]
    return [name for name, one, other in pairs if one != other]


def directories(instance: Instance) -> list[Path]:
    """Where files are written that a change exchanges."""
    options = [saved.path.parent for saved, _ in options_file(instance, "")]
    return [instance.config_dir, *options]


def options_file(instance: Instance, text: str) -> list[tuple[files.Saved, str]]:
    """postgrey's options file as it stands, and what it shall be; none without one."""
    found = postgrey.find(instance)
    return [(found.saved(), text)] if found else []


def with_postgrey(known: Facts, instance: Instance) -> Facts:
    """The facts with the postgrey that can be asked here, if there is one.

    Where its options cannot be understood, nobody knows how it is reached.
    """
    found = postgrey.find(instance)
    if found is None:
        return known
    try:
        service = found.service
    except BadFile:
        service = ""
    there = (path for path in POSTGREY_LISTS if (instance.config_dir / path).exists())
    return replace(
        known,
        postgrey=service,
        postgrey_options=str(found.options),
        postgrey_lists=tuple(there),
    )


def missing_files(main: MainCf, master: MasterCf) -> Iterator[str]:
    """The certificates and keys that are named for TLS and that are not there.

    A name with `$` in it, other than main.cf's own, is not looked at.
    """
    every = [each.overrides() for each in master.services()]
    for name in TLS_FILES:
        values = {main.get(name) or "", *(each.get(name, "") for each in every)}
        for value in sorted(values - {""}):
            for word in re.split(r"[,\s]+", expanded(value, main.get)):
                if word.startswith("/") and "$" not in word and not Path(word).exists():
                    yield word


def standing(instance: Instance) -> dict[str, str]:
    """The digests of what we wrote into the tables that are there."""
    room = instance.config_dir / "mailguard"
    kinds = (room.glob(f"{asked}_*") for asked in Asked)
    listed = sorted(f"mailguard/{path.name}" for each in kinds for path in each)
    found = {
        path: tables.digest(instance.config_dir / path, block=path == Lookup.ACCESS)
        for path in (*Lookup, *Spared, *SMALL, *listed)
    }
    return {str(path): digest for path, digest in found.items() if digest}


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
        str(instance.config_dir),
    )
