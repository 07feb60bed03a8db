"""Every control that a policy can have: the catalogue's, and those of its own lists.

What goes through the controls takes them from here, so that a list that somebody added
is a control like any other. A list that was taken out stays a control that can only be
off: its rule may stand in a main.cf that was adopted while it was there.
"""

from collections.abc import Iterable
from functools import lru_cache

from postfixconf.policy import catalog
from postfixconf.policy.blocklists import LISTS
from postfixconf.policy.control import Control, Restriction
from postfixconf.policy.listing import Blocklist, former, made
from postfixconf.text.rules import Rule

__all__ = ["STATIC", "Controls", "controls_of"]


class Controls:
    """The controls of a policy.

    `offered` are those that can be switched, in the catalogue's order, `every` those
    and the ones that are gone; `lists` are the lists in the DNS that they ask.
    """

    def __init__(
        self, zones: Iterable[Blocklist] = (), gone: Iterable[str] = ()
    ) -> None:
        zones = tuple(zones)
        own = (made(each, asked) for each in zones for asked in each.asked)
        self.lists = (*LISTS, *zones)
        self.offered = (*catalog.CONTROLS, *own)
        lost = (former(key) for key in gone)
        self.every = (*self.offered, *(each for each in lost if each is not None))
        self._by_key = {each.key: each for each in self.every}
        self._list_by_key = {
            f"{asked}:{each.zone}": each for each in self.lists for asked in each.asked
        }

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def control(self, key: str) -> Control:
        """The control with this key. Raises BadPolicy, as `catalog.control`."""
        return self._by_key.get(key) or catalog.control(key)

    def list_of(self, key: str) -> Blocklist | None:
        """The list that a control asks; None where it asks none."""
        return self._list_by_key.get(key)

    def restriction_of(self, rule: Rule) -> Control | None:
        """Which of these controls a rule found in a file is; None for all others."""
        for each in self.every:
            if isinstance(each.place, Restriction) and each.place.matches(rule):
                return each
        return None


STATIC = Controls()


@lru_cache(maxsize=64)
def controls_of(zones: tuple[Blocklist, ...], gone: tuple[str, ...] = ()) -> Controls:
    """The controls of a policy with these own lists.

    `gone` are keys that may be those of lists that were taken out. Raises BadPolicy
    where one of them can be no list's.
    """
    if not zones and not gone:
        return STATIC
    made = Controls(zones, gone)
    for key in gone:
        made.control(key)
    return made
