"""What is wrong with a configuration that Postfix itself would accept.

`postfix check` exits 0 with nearly every fault named here (seen on 3.7.11). main.cf
and master.cf are judged together: what a service of its own has counts there. What
stands around them (tables, gateways) is told, not looked at. Other machines are not
judged, nor what a policy service decides.
"""

from collections.abc import Callable, Iterator

from postfixconf.policy.finding import Finding, Level
from postfixconf.policy.linting import (
    blocklists,
    naming,
    networks,
    order,
    relaying,
    serving,
    tables,
    writing,
)
from postfixconf.policy.linting.around import Around
from postfixconf.policy.linting.kind import Said
from postfixconf.policy.linting.kinds import finding
from postfixconf.policy.linting.relaying import asks_sender
from postfixconf.policy.linting.seen import Seen
from postfixconf.policy.lookups import Uses
from postfixconf.policy.observed import Facts
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["Finding", "Level", "asks_sender", "lint"]

LOOKS: tuple[Callable[[Seen], Iterator[Said]], ...] = (
    relaying.unprotected,
    relaying.opened_by_claims,
    relaying.by_hand,
    relaying.own_network,
    relaying.own_people,
    relaying.warned,
    relaying.empty,
    naming.restrictions,
    order.unreachable,
    order.permits,
    order.pipelining,
    order.overruled,
    blocklists.asked,
    blocklists.screened,
    serving.greeting,
    serving.delay,
    serving.shadows,
    serving.answers,
    serving.sockets,
    networks.trusted,
    tables.typed,
    tables.standing,
    naming.settings,
    writing.comments,
    writing.swallowed,
    writing.twice,
    writing.level,
    writing.ending,
)
NOTHING = Around()


def lint(
    main: MainCf,
    facts: Facts,
    access: str = "",
    uses: Uses | None = None,
    master: MasterCf | None = None,
    around: Around = NOTHING,
) -> tuple[Finding, ...]:
    """Everything this linter has to say, worst first.

    `access` are the hand-written lines of the sender table, `uses` the tables that
    hold entries: None where that is not known. Without `master` only main.cf is
    judged.
    """
    seen = Seen(main, facts, master, access, uses, around)
    said = dict.fromkeys(each for look in LOOKS for each in look(seen))
    found = [finding(each) for each in said]
    return tuple(sorted(found, key=lambda each: list(Level).index(each.level)))
