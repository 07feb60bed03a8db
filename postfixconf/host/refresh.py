"""Replacing a list of postgrey's that is ours whole, and going back if it fails.

    lock           the configuration directory: no apply at the same time
    compare        the file is what we wrote last: nobody edited it by hand
    judge          each line, Perl's word on expressions, how much is gone
    ask            a running postgrey answers before, and no list of its would kill it
    replace        by rename
    reread         HUP, and an answer by the new list
                   fails → the old list back, postgrey reads that or is started

Up to the replacement a failure leaves everything as it was: Refused. After it the old
list comes back: RolledBack, or Broken where even that failed. Where no postgrey was
started with this list nothing has to be told. A process killed in between leaves the
old list, or the new one which was judged good; `install` once more finishes it.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from postfixconf.errors import FileFailed, HostError, Locked, Refusal
from postfixconf.host import files, perl
from postfixconf.host.outcome import Applied, Broken, Outcome, Refused, RolledBack
from postfixconf.host.postgreys import Daemon, readers
from postfixconf.host.rereading import bring_back, greet, reread, try_lists
from postfixconf.text.postgrey_files import written
from postfixconf.text.postgrey_lists import Document, Which, parse
from postfixconf.text.postgrey_refresh import SHRINK, refusal, unfit

__all__ = ["Applied", "Broken", "Outcome", "Refused", "RolledBack", "digest", "install",
           "judged", "text_of"]  # fmt: skip

UNREAD = "No postgrey that runs here reads this list yet."
Find = Callable[[Path], Sequence[Daemon]]


def judged(
    data: bytes, before: str | None, *, most: int = SHRINK, which: Which = Which.CLIENTS
) -> Document:
    """A list that may replace `before`. Raises Refusal with the reason, CommandFailed.

    `most` is the percent of the entries before that may be gone.
    """
    if cause := unfit(data):
        raise Refusal(cause)
    document = parse(text_of(data), which)
    entries = document.entries
    if sum(not line.form for line in entries) * 2 > len(entries):  # spare Perl that
        raise Refusal(refusal(document, None, most))
    document = perl.checked(document)
    known = None if before is None else parse(before, which)
    if cause := refusal(document, known, most):
        raise Refusal(cause)
    return document


def text_of(data: bytes) -> str:
    """Bytes of a list as the library reads them."""
    return data.decode("utf-8", "surrogateescape")


def digest(path: Path) -> str:
    """SHA-256 of a list as it stands; empty where it is not there.

    Raises FileFailed.
    """
    if not path.exists():
        return ""
    return hashlib.sha256(files.read(path).data).hexdigest()


def install(
    content: str, path: Path, *, expected: str | None = None, find: Find = readers
) -> Outcome:
    """Make `content`, which was judged good, the list at `path`, or leave it as it was.

    `expected` is the digest that the file has to have still, None for any. `find` gives
    the daemons that read it. Raises Locked while an apply is at work.
    """
    new = written(content).encode("utf-8", "surrogateescape")
    mine = hashlib.sha256(new).hexdigest()
    config_dir = path.parent.parent
    try:
        with files.locked(config_dir):
            now = digest(path)
            if expected is not None and now not in (expected, mine, ""):
                return Refused(
                    f"{path} was edited by hand since mailguard wrote it. Nothing was "
                    "changed. Keep lines of your own in the file that ends in .local."
                )
            daemons = list(find(path))
            for daemon in daemons:
                greet(daemon)
                try_lists(daemon)
            old = files.read(path) if now else None
            put(path, new, old)
            return proven(path, old, daemons)
    except Locked:
        raise
    except HostError as cause:
        return Refused(f"{_ended(str(cause))} Nothing was changed.")


def put(path: Path, new: bytes, old: files.Saved | None) -> None:
    """Replace the list. postgrey reads it as a user of its own. Raises FileFailed."""
    saved = old or files.Saved(path, b"", 0o644, 0, 0)
    try:
        path.parent.mkdir(mode=0o755, exist_ok=True)
    except OSError as cause:
        raise FileFailed(str(path), cause) from cause
    files.replace(files.Saved(saved.path, new, saved.mode, saved.uid, saved.gid))


def proven(path: Path, old: files.Saved | None, daemons: Sequence[Daemon]) -> Outcome:
    """Every daemon answers by the new list, or the old one comes back."""
    try:
        said = [reread(daemon, path) for daemon in daemons]
    except HostError as cause:
        return back(path, old, daemons, str(cause))
    except BaseException:
        back(path, old, daemons, "interrupted")
        raise
    return Applied(" ".join(_ended(each) for each in said) or UNREAD)


def back(
    path: Path, old: files.Saved | None, daemons: Sequence[Daemon], cause: str
) -> RolledBack | Broken:
    """The old list in its place, and each daemon with it."""
    try:
        if old is None:
            path.unlink(missing_ok=True)
            files.sync_directory(path.parent)
        else:
            files.replace(old)
        for daemon in daemons:
            bring_back(daemon, path)
    except (HostError, OSError) as why:
        return Broken(cause, str(why))
    return RolledBack(cause)


def _ended(sentence: str) -> str:
    """With a capital at the start and a full stop at the end."""
    sentence = sentence[:1].upper() + sentence[1:]
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
