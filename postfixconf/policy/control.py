"""What a control is: one thing that can be switched, and where it stands.

A control is a restriction in one of Postfix's lists, the own-domain stop or
greylisting (off, test, on), or a parameter of main.cf, the recorder or a way to send
mail (off, on).
`postfixconf.policy.catalog` holds those that everybody has.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from postfixconf.policy.greylisting import Greylist
from postfixconf.policy.listener import Listener, LogName, SignIn
from postfixconf.policy.recorder import RECORDER_TYPE, Recorder
from postfixconf.text.rules import Rule

__all__ = [
    "KEYED_TYPE",
    "Control",
    "Group",
    "Mode",
    "Place",
    "Restriction",
    "Risk",
    "Stop",
    "Switch",
]

# What asks the table of a keyed list: it is asked for every client, and what it
# answers with may look at anything of the envelope (smtpd_check.c).
CHECK, KEYED_TYPE = "check_client_access", "regexp"
TABLE = re.compile(
    rf"{KEYED_TYPE}:(?:\$[({{]?config_directory[)}}]?|/\S*)/(mailguard/\S+)"
)


class Mode(StrEnum):
    """How far a control goes: nothing, the log only, or a refusal."""

    OFF = "off"
    TEST = "test"
    ON = "on"


class Risk(StrEnum):
    """How likely a control is to lose legitimate mail."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Group(StrEnum):
    """The part of the SMTP conversation that a control looks at, or only tells of."""

    CONNECTION = "Connection"
    GREETING = "Greeting"
    SENDER = "Sender"
    RECIPIENT = "Recipient"
    BLOCKLISTS = "Blocklists"
    GREYLISTING = "Greylisting"
    PROTOCOL = "Protocol"
    EVIDENCE = "Evidence"
    SENDING = "Sending"


@dataclass(frozen=True)
class Restriction:
    """A place in a restriction list.

    `parameter` is the list it is first put into; `rank` orders our own rules
    within it (cheap and certain first, DNS later, blocklists last). `names`
    are the spellings Postfix understands, the modern one first. A list in the DNS
    has its `zone` and the `codes` that are a listing, none where it was taken out. One
    that is `keyed` is asked by a `table` that only root may read. Where the place is
    `exact`, a rule with other codes is written anew; where it is `coded`, one that was
    found with none.
    """

    parameter: str
    rank: int
    names: tuple[str, ...]
    zone: str | None = None
    codes: str | None = None
    table: str = ""
    keyed: bool = False
    exact: bool = False
    coded: bool = False

    @property
    def permits(self) -> bool:
        """Whether it lets mail past what stands behind it, and refuses none."""
        return self.names[0].startswith("permit_")

    def rule(self, *, warn: bool) -> Rule:
        """The rule as mailguard writes it."""
        if self.keyed:
            return Rule(CHECK, f"{KEYED_TYPE}:$config_directory/{self.table}", warn)
        return Rule(self.names[0], self._asking, warn)

    def matches(self, rule: Rule) -> bool:
        """Whether a rule found in a file is this control, in any spelling."""
        if self.zone is None:
            return rule.key in self.names
        return self._named(rule) or self._tabled(rule)

    def modern(self, rule: Rule, *, warn: bool) -> Rule:
        """A rule of this control as it is to stand: with its own codes, if it may."""
        ours = self.rule(warn=warn)
        keeps = self._named(rule) and not self.keyed and not self.exact
        if keeps and _codes(rule):
            return replace(ours, argument=rule.argument)
        return ours

    def stands(self, rule: Rule) -> bool:
        """Whether a rule of this control may stand as it is, but for its mode."""
        if self.keyed or self._tabled(rule):
            return self.keyed and self._tabled(rule)
        if self.coded and self.bare(rule):
            return False
        return not self.exact or rule.argument == self._asking

    def bare(self, rule: Rule) -> bool:
        """Whether a rule of a list would stay without codes, though these are known.

        To such a rule any answer is a listing, an error of the list too.
        """
        stays = bool(self.codes) and not self.keyed and not self.exact
        return stays and self._named(rule) and not _codes(rule)

    def answers(self, key: str) -> Iterator[str]:
        """The lines of the table of a keyed list."""
        yield f"/./ {self.names[0]} {key}.{self._asking}\n"

    @property
    def _asking(self) -> str | None:
        return None if self.zone is None else f"{self.zone}={self.codes}"

    def _named(self, rule: Rule) -> bool:
        """Whether a rule names the zone itself."""
        zone = (rule.argument or "").partition("=")[0].rstrip(".")
        return rule.key in self.names and zone.lower() == self.zone

    def _tabled(self, rule: Rule) -> bool:
        """Whether a rule asks the table of this list, wherever it says that is."""
        if rule.key != CHECK:
            return False
        found = TABLE.fullmatch(rule.argument or "")
        return found is not None and found[1] == self.table


def _codes(rule: Rule) -> str:
    """The codes behind the zone that a rule names; "" where there are none."""
    return (rule.argument or "").partition("=")[2]


@dataclass(frozen=True)
class Switch:
    """A parameter of main.cf; `on` is the value that switches it on."""

    parameter: str
    on: str = "yes"


@dataclass(frozen=True)
class Stop:
    """The own-domain stop: a restriction class that lines of a table answer with.

    `parameter` is the class, which holds the mode.
    """

    parameter: str


Place = Restriction | Switch | Stop | Recorder | Greylist | Listener | SignIn | LogName


@dataclass(frozen=True)
class Control:
    """One thing that can be switched.

    `key` is its Postfix name (`dnsbl:ZONE` for a blocklist). `stops` and
    `loses` are the two sentences every page shows: what it keeps out, and
    which legitimate mail it can lose. `reply` is what a refused sender reads (where
    it `records`, what the log says instead); `signature` is the text after the reply
    code by which its refusals are known in the log, None where there are none.
    `since` is the first version that has it. `needs` are controls that come on with
    it.
    """

    key: str
    group: Group
    place: Place
    title: str
    stops: str
    loses: str
    risk: Risk
    reply: str
    signature: str | None
    since: str = "2.3"
    recommended: bool = True
    needs: tuple[str, ...] = ()

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes it can have: only what refuses by a rule can be tested."""
        if self.gone:
            return (Mode.OFF,)
        if isinstance(self.place, Switch | Recorder) or self.permits or self.sends:
            return (Mode.OFF, Mode.ON)
        return (Mode.OFF, Mode.TEST, Mode.ON)

    @property
    def permits(self) -> bool:
        """Whether it lets mail past other rules, and refuses none."""
        return isinstance(self.place, Restriction) and self.place.permits

    @property
    def gone(self) -> bool:
        """Whether it asks a list that was taken out."""
        return isinstance(self.place, Restriction) and self.place.codes == ""

    @property
    def keyed(self) -> bool:
        """Whether it asks a list with a key."""
        return isinstance(self.place, Restriction) and self.place.keyed

    @property
    def records(self) -> bool:
        """Whether it refuses nothing, and only writes to the mail log."""
        return isinstance(self.place, Recorder)

    @property
    def sends(self) -> bool:
        """Whether it is about how one's own people send: it has a page of its own."""
        return self.group is Group.SENDING

    @property
    def lacking(self) -> str:
        """Why it is not available on a server, without a full stop."""
        if self.records:
            return f"the installed Postfix has no {RECORDER_TYPE} tables: it needs them"
        if isinstance(self.place, Greylist):
            return "no postgrey was found here: install it (apt-get install postgrey)"
        if self.keyed:
            return f"the installed Postfix has no {KEYED_TYPE} tables, for its key"
        return "the installed Postfix does not have it"

    @property
    def asks(self) -> bool:
        """Whether a person has to confirm before it goes on."""
        return self.risk is not Risk.LOW or not self.recommended
