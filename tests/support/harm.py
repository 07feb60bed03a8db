"""A server that runs with a fault the linter has named, to see what it does there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from postfixconf.host import files
from postfixconf.policy.lint import lint
from postfixconf.policy.observed import Observed
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from tests.support.practice import Practice

__all__ = ["OUTSIDE", "SETTINGS", "named", "with_fault"]

OUTSIDE = "anyone@elsewhere.example"
# A server that takes what it may relay, and throws it away.
SETTINGS = {
    "smtpd_delay_open_until_valid_rcpt": "yes",
    "relay_transport": "discard:outside",
    "default_transport": "discard:outside",
}


def named(seen: Observed) -> set[str]:
    """The kinds that the linter finds on a server."""
    main, master = MainCf.parse(seen.texts.main), MasterCf.parse(seen.texts.master)
    access = seen.texts.access
    found = lint(main, seen.facts, access, master=master, around=seen.around)
    return {each.code for each in found}


@contextmanager
def with_fault(
    server: Practice,
    code: str,
    lines: str,
    options: str = "",
    *,
    master: Callable[[str], str] = str,
) -> Iterator[None]:
    """Run with `lines` in main.cf and `options` on its port, once `code` was found.

    What main.cf said before of the same settings is taken out. `master` makes the
    master.cf of another one. Everything is as before afterwards.
    """
    instance, before = server.instance, server.adopted
    main = MainCf.parse(before.main)
    for name in MainCf.parse(lines).names():
        main = main.remove(name)
    texts = main.render() + lines, master(before.master)
    texts = texts[0], texts[1].replace(" smtpd\n", f" smtpd\n{options}", 1)
    write(server, *texts)
    assert code in named(server.observed())
    instance.restart()
    try:
        yield
    finally:
        write(server, before.main, before.master)
        instance.restart()


def write(server: Practice, main: str, master: str) -> None:
    """Both files, old enough for Postfix not to wait."""
    for saved, text in (
        (server.instance.main(), main),
        (server.instance.master(), master),
    ):
        files.replace(replace(saved, data=text.encode()))
