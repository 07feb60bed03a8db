"""What a list in the DNS is, and the control that asks it one kind of question.

The lists that everybody knows are data in `blocklists`, those that an administrator
adds are made in `own_lists`; both are a `Blocklist`, and become controls here.

A list that is asked with a key is not named in main.cf, which everybody on the machine
may read: its rule stands in a table of its own that only root may.
"""

from dataclasses import dataclass
from enum import StrEnum

from postfixconf.policy.control import Control, Group, Restriction, Risk
from postfixconf.policy.restriction_lists import RECIPIENT

__all__ = ["DOMAINS", "FORMS", "Asked", "Blocklist", "Status", "former", "made"]

FIRST_ALLOW, FIRST_CLIENT, FIRST_DOMAIN = 75, 80, 85  # ranks: cheap and certain first


class Asked(StrEnum):
    """What a list is asked about; the first word of its control's key."""

    CLIENT = "dnsbl"
    SENDER = "rhsbl_sender"
    HELO = "rhsbl_helo"
    REVERSE = "rhsbl_reverse"
    ALLOW = "dnswl"

    @property
    def domains(self) -> bool:
        """Whether it is asked about domains, not about addresses."""
        return self.value.startswith("rhsbl_")


DOMAINS = (Asked.SENDER, Asked.HELO, Asked.REVERSE)


class Status(StrEnum):
    """Who may use a list."""

    IN_USE = "in use"
    REGISTRATION = "needs registration"
    KEY = "needs a key"
    OWN = "added here"


@dataclass(frozen=True)
class Form:
    """How Postfix asks one kind of question, and what it says of a listing.

    `title` takes the list's name, `reply` its zone.
    """

    names: tuple[str, ...]
    rank: int
    since: str
    title: str
    reply: str


@dataclass(frozen=True)
class Blocklist:
    """One zone.

    `codes` are the answers that are a listing. `lists` and `loses` are the sentences
    that every page shows. `test` are the answers for its test point where these are
    others, `ipv6` says that it lists IPv6 addresses, too. `key` names the key that it
    is asked with, "" where it needs none; `lookup` is where somebody who is refused by
    such a list can read why.
    """

    zone: str
    asked: tuple[Asked, ...]
    codes: str
    name: str
    lists: str = ""
    loses: str = ""
    terms: str = ""
    url: str = ""
    status: Status = Status.IN_USE
    risk: Risk = Risk.MEDIUM
    recommended: bool = True
    ipv6: bool = False
    test: str = ""
    key: str = ""
    lookup: str = ""

    @property
    def own(self) -> bool:
        """Whether an administrator added it."""
        return self.status is Status.OWN


REFUSED = "554 5.7.1 Service unavailable; {} blocked using {{}}"
FORMS = {
    Asked.CLIENT: Form(
        ("reject_rbl_client", "reject_rbl"),
        FIRST_CLIENT,
        "2.3",
        "Refuse addresses on the {} blocklist",
        REFUSED.format("Client host [192.0.2.1]"),
    ),
    Asked.SENDER: Form(
        ("reject_rhsbl_sender",),
        FIRST_DOMAIN,
        "2.3",
        "Refuse sender domains on the {} blocklist",
        REFUSED.format("Sender address [a@listed.example]"),
    ),
    Asked.HELO: Form(
        ("reject_rhsbl_helo",),
        FIRST_DOMAIN,
        "2.3",
        "Refuse greetings on the {} blocklist",
        REFUSED.format("Helo command [listed.example]"),
    ),
    Asked.REVERSE: Form(
        ("reject_rhsbl_reverse_client",),
        FIRST_DOMAIN,
        "2.8",
        "Refuse reverse names on the {} blocklist",
        REFUSED.format("Unverified Client host [listed.example]"),
    ),
    Asked.ALLOW: Form(
        ("permit_dnswl_client",),
        FIRST_ALLOW,
        "2.8",
        "Let addresses on the {} allow list past the blocklists",
        "None: it refuses nobody",
    ),
}


def made(each: Blocklist, asked: Asked) -> Control:
    """The control that asks a list one kind of question."""
    form = FORMS[asked]
    return Control(
        key=f"{asked}:{each.zone}",
        group=Group.BLOCKLISTS,
        place=Restriction(
            RECIPIENT,
            form.rank,
            form.names,
            each.zone,
            each.codes,
            table=f"mailguard/{asked}_{each.zone}",
            keyed=bool(each.key),
            exact=each.own,
        ),
        title=form.title.format(each.name),
        stops=each.lists,
        loses=each.loses,
        risk=each.risk,
        reply=form.reply.format(each.zone) + (f"; {each.lookup}" * bool(each.lookup)),
        signature=None if asked is Asked.ALLOW else f"blocked using {each.zone}",
        since=form.since,
        recommended=each.recommended,
    )


def former(key: str) -> Control | None:
    """The control of a list that was taken out: only to be off, wherever it stands.

    None where the key is no list's.
    """
    asked, _, zone = key.partition(":")
    if not zone or asked not in set(Asked):
        return None
    return made(Blocklist(zone, (Asked(asked),), "", zone), Asked(asked))
