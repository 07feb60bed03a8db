"""Having postgrey read its lists again, and seeing that it has.

HUP makes postgrey read every list it was started with, also those written by hand; one
regular expression that Perl cannot compile then kills it, and all mail is put off. So
all of them are tried first. Each list of ours holds a name that no other version has
(`canary`): asked about a client of that name, postgrey's answer tells which version it
has read.

    for daemon in readers(path):        # the postgrey that were started with this list
        reread(daemon, path)            # raises Refusal before, Unproven after the HUP

Whoever has other means than a command line (a service manager of its own) hands over
something else that is a `Daemon`.
"""

import shlex
import time
from pathlib import Path

from postfixconf.errors import FileFailed, Refusal, Unproven
from postfixconf.host import files, perl
from postfixconf.host.delegation import NAME
from postfixconf.host.postgreys import Daemon, readers
from postfixconf.text.postgrey_files import canary_in
from postfixconf.text.postgrey_lists import Which

__all__ = ["bring_back", "greet", "reread", "try_lists"]

READ_WITHIN = 10.0  # seconds
AGAIN = 0.5  # a HUP that comes while it is busy may go unheard
PASSES = "DUNNO"


def try_lists(daemon: Daemon) -> None:
    """Refuse a HUP that would kill the daemon.

    Raises Refusal, which quotes the line that Perl cannot compile.
    """
    for which, path in daemon.lists:
        try:
            text = files.read(path).text
        except FileFailed:
            continue  # postgrey only warns
        for line in perl.faults(text, which):
            if line.fault.startswith(perl.BROKEN):
                raise Refusal(
                    f"{path}, line {line.number}: {shlex.quote(line.text)}: "
                    f"{line.fault}. Told to read it, postgrey would die. Correct that "
                    "line first."
                )


def reread(daemon: Daemon, path: Path) -> str:
    """Have a daemon read its lists again; what was seen of it.

    `path` is one of its lists as it is now, with a canary. Raises Refusal, where it
    was not told because a list would kill it, and Unproven.
    """
    try_lists(daemon)
    which = next(w for w, file in daemon.lists if file.resolve() == path.resolve())
    name = canary_in(files.read(path).text)
    if name is None:
        raise Refusal(f"{path} is not as mailguard wrote it: it has no line to ask for")
    begun = time.monotonic()
    told = begun - AGAIN
    while True:
        if time.monotonic() - told >= AGAIN:
            daemon.hang_up()
            told = time.monotonic()
        if _passes(daemon, which, name):
            ms = round((time.monotonic() - begun) * 1000)
            return f"postgrey read the list again and answered by it after {ms} ms"
        if not daemon.running:
            raise Unproven("postgrey died when it was told to read its lists again")
        if time.monotonic() - begun > READ_WITHIN:
            raise Unproven(
                f"postgrey answers, but has not read the new list: may its user read "
                f"{path}?"
            )
        time.sleep(0.05)


def _passes(daemon: Daemon, which: Which, name: str) -> bool:
    """Whether a client, or recipient, that only this version lets in gets in."""
    if which is Which.CLIENTS:
        return daemon.answer(name, somebody(NAME)).startswith(PASSES)
    return daemon.answer(NAME, somebody(name)).startswith(PASSES)


def greet(daemon: Daemon) -> None:
    """See that it answers. Raises Unproven."""
    daemon.answer(NAME, somebody(NAME))


def somebody(domain: str) -> str:
    """A recipient that nobody was asked about yet.

    One that was would be let in when it is asked about again after the delay, and five
    of those would put the probe on postgrey's own list of known clients.
    """
    return f"probe-{time.time_ns():x}@{domain}"


def bring_back(daemon: Daemon, path: Path) -> None:
    """After the old list is back in its place: have the daemon read it, or start it.

    Raises HostError where it cannot be brought to answer.
    """
    if daemon.running:
        daemon.hang_up()
        greet(daemon)
        return
    daemon.bring_back()
    deadline = time.monotonic() + READ_WITHIN
    while True:
        try:
            found = readers(path) or [daemon]
            greet(found[0])
            return
        except Unproven:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
