"""What a plan needs of the services that Postfix asks: of postgrey, today.

Into Postfix only when it answers, out of Postfix before it stops: a service that
main.cf will ask has to run and answer before main.cf says so, and one that it asks no
more is stopped once that is live and proven.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from postfixconf.errors import BadFile, BadPolicy
from postfixconf.policy.control import Mode
from postfixconf.policy.finding import Finding, Level
from postfixconf.policy.found import find_one
from postfixconf.policy.greylisting import GREYLISTING, Greylisting, asks
from postfixconf.policy.observed import Facts, Texts, effective
from postfixconf.policy.policy import Policy
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.postgrey_options import Options, convention_of
from postfixconf.text.rules import parse_list

__all__ = [
    "POSTGREY_LISTS",
    "Need",
    "needs",
    "options_of",
    "settings_in",
    "wanted_options",
    "with_lists",
]

# Lists for postgrey that mailguard writes whole, in the configuration directory, and
# the option that names them.
POSTGREY_LISTS = {
    "mailguard/postgrey_published": "whitelist-clients",
    "mailguard/postgrey_clients": "whitelist-clients",
    "mailguard/postgrey_recipients": "whitelist-recipients",
}


@dataclass(frozen=True)
class Need:
    """A service, and how it is reached; whether main.cf asks it `before` the change
    and `after`.

    `anew` says that the change writes its options file, so what runs has to start anew.
    """

    service: str
    address: str
    before: bool
    after: bool
    anew: bool = False


def needs(
    before: Texts, after: Texts, facts: Facts, *, settled: bool = False
) -> tuple[Need, ...]:
    """What writing `after` in the place of `before` needs.

    `settled` says that main.cf asks in the same way as before.
    """
    if not facts.postgrey:
        return ()
    one, other = (_asks_ours(each, facts) for each in (before, after))
    anew = before.options != after.options
    if not (one or other) or (settled and one == other and not anew):
        return ()
    return (Need(GREYLISTING, facts.postgrey, one, other, anew),)


def _asks_ours(texts: Texts, facts: Facts) -> bool:
    """Whether the postgrey of this server is asked, from whatever place."""
    main, master = MainCf.parse(texts.main), MasterCf.parse(texts.master)
    found = find_one(GREYLISTING, main, master, facts)
    if found.mode is Mode.OFF or found.elsewhere:
        return found.mode is not Mode.OFF
    rules = (
        r
        for name in RESTRICTION_LISTS
        for r in parse_list(effective(main, facts, name))
    )
    return any(asks(rule, facts.postgrey) for rule in rules)


def options_of(text: str, path: str) -> Options:
    """The options in the file at `path`. Raises BadFile, which quotes the line."""
    return Options.parse(text, convention_of(path), path)


def settings_in(text: str, path: str) -> Greylisting:
    """How postgrey is set in its options file; the defaults where that is not told."""
    try:
        return Greylisting.of(options_of(text, path))
    except (BadFile, BadPolicy):
        return Greylisting()


def with_lists(facts: Facts, written: Iterable[str]) -> Facts:
    """The facts once these tables are written: the next plan must know of them."""
    there = {*facts.postgrey_lists, *written}
    return replace(
        facts, postgrey_lists=tuple(each for each in POSTGREY_LISTS if each in there)
    )


def wanted_options(
    policy: Policy,
    adopted: Texts,
    before: Texts,
    facts: Facts,
    written: Iterable[str] = (),
    *,
    brought: bool = False,
) -> tuple[str, tuple[Finding, ...]]:
    """The options file as `policy` wants it, and why it cannot be written.

    It names each list of ours that is there, or among the `written` tables, and all of
    them where greylisting is `brought` by mailguard: postgrey passes over a list that
    is not there, and reads it on a HUP once it is. Where nothing of it can be
    understood it stays; that forbids a change only where something is wanted of it.
    """
    path = facts.postgrey_options
    if not path:
        return before.options, ()
    try:
        options = options_of(adopted.options or before.options, path)
        options = policy.greylisting.written(options)
        there = with_lists(facts, POSTGREY_LISTS if brought else written)
        for each in there.postgrey_lists:
            name = f"{facts.config_directory}/{each}"
            options = options.with_list(POSTGREY_LISTS[each], name)
        return options.render(), ()
    except (BadFile, BadPolicy) as cause:
        wanted = policy.greylisting != Greylisting()
        return before.options, (not_understood(path, str(cause), blocks=wanted),)


def not_understood(path: str, cause: str, *, blocks: bool) -> Finding:
    """postgrey's options are such that nothing can be written to them."""
    return Finding(
        Level.WARNING,
        "postgrey_options",
        path,
        f"postgrey's options cannot be read: {cause}.",
        "Write them as plain words, and adopt the edit.",
        blocks=blocks,
        why="mailguard changes nothing in a file that it does not understand.",
    )
