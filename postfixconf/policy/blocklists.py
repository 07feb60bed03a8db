"""The lists in the DNS, as data: in use, some of them behind a registration.

Each is a zone that is asked about a client's address or about a domain, with the
answers that are a listing. A list in use is a control for each kind of question that
it answers; `catalog` takes them from here. What a list's owner changes tomorrow is
not known here: its health is asked in `host.dnsbl`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from postfixconf.policy.control import Control, Group, Restriction, Risk

__all__ = [
    "LISTS",
    "Asked",
    "Blocklist",
    "Status",
    "controls",
    "list_of",
]

RECIPIENT = "smtpd_recipient_restrictions"
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


class Status(StrEnum):
    """Who may use a list."""

    IN_USE = "in use"
    REGISTRATION = "needs registration"


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
    others, `ipv6` says that it lists IPv6 addresses, too.
    """

    zone: str
    asked: tuple[Asked, ...]
    codes: str
    name: str
    lists: str
    loses: str
    terms: str
    url: str
    status: Status = Status.IN_USE
    risk: Risk = Risk.MEDIUM
    recommended: bool = True
    ipv6: bool = False
    test: str = ""


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
DOMAINS = (Asked.SENDER, Asked.HELO, Asked.REVERSE)
SHARED = "Mail from a sender who shares a listed address."
SPAMHAUS = (
    "Free for low volume and no commercial filtering service; anything more needs a "
    "subscription. Not through a public resolver."
)

LISTS: tuple[Blocklist, ...] = (
    Blocklist(
        "zen.spamhaus.org",
        (Asked.CLIENT,),
        "127.0.0.[2..11]",
        "Spamhaus ZEN",
        "Known spam sources and home connections that should not send mail. "
        "Usually the single most effective protection.",
        f"{SHARED} Free use has terms: read them at spamhaus.org. Through a public "
        "resolver it lists nobody.",
        SPAMHAUS,
        "https://www.spamhaus.org/blocklists/zen-blocklist/",
        ipv6=True,
    ),
    Blocklist(
        "bl.spamcop.net",
        (Asked.CLIENT,),
        "127.0.0.2",
        "SpamCop",
        "Addresses that people reported for spam in the last day.",
        "Mail from large providers: one spammer among their customers is enough for a "
        "listing of some hours.",
        "Free.",
        "https://www.spamcop.net/bl.shtml",
        risk=Risk.HIGH,
        recommended=False,
    ),
    Blocklist(
        "psbl.surriel.com",
        (Asked.CLIENT,),
        "127.0.0.2",
        "PSBL",
        "Addresses that wrote to spam traps. Anyone may take an address off.",
        f"{SHARED} A provider that was misused once may be on it for some days.",
        "Free.",
        "https://psbl.org/",
    ),
    Blocklist(
        "bl.mailspike.net",
        (Asked.CLIENT,),
        "127.0.0.[2;10;11;12]",
        "Mailspike",
        "Addresses of the worst reputation, and those of a wave of spam going on now.",
        SHARED,
        "Free below 100,000 messages a day.",
        "https://mailspike.io/",
    ),
    Blocklist(
        "bl.spameatingmonkey.net",
        (Asked.CLIENT,),
        "127.0.0.2",
        "Spam Eating Monkey",
        "Addresses that wrote to spam traps, for 15 days.",
        f"{SHARED} It lists more boldly than others.",
        "Free for low volume.",
        "https://spameatingmonkey.com/",
        risk=Risk.HIGH,
        recommended=False,
    ),
    Blocklist(
        "bl.blocklist.de",
        (Asked.CLIENT,),
        "127.0.0.[2..22]",
        "blocklist.de",
        "Addresses that lately attacked servers: sign-in attempts, exploits, spam.",
        "Mail from a shared web host where one customer's site was broken into; an "
        "attack by SSH says little about mail.",
        "Free.",
        "https://www.blocklist.de/",
        risk=Risk.HIGH,
        recommended=False,
    ),
    Blocklist(
        "b.barracudacentral.org",
        (Asked.CLIENT,),
        "127.0.0.2",
        "Barracuda",
        "Addresses that sent spam to Barracuda's customers and traps.",
        f"{SHARED} Without a registration it lists nobody.",
        "Free after registration of your resolver's address.",
        "https://www.barracudacentral.org/rbl",
        status=Status.REGISTRATION,
        recommended=False,
    ),
    Blocklist(
        "bl.score.senderscore.com",
        (Asked.CLIENT,),
        "127.0.0.2",
        "Sender Score",
        "Addresses of the worst reputation with Validity.",
        f"{SHARED} Without a registration it refuses to answer.",
        "Free below 10,000 queries in 30 days, after registration of your resolver's "
        "address.",
        "https://www.validity.com/",
        status=Status.REGISTRATION,
        recommended=False,
    ),
    Blocklist(
        "dbl.spamhaus.org",
        DOMAINS,
        "127.0.1.[2..99]",
        "Spamhaus DBL",
        "Domains that belong to spammers, or serve phishing or malware.",
        "Mail of a domain that was broken into, until it is taken off.",
        SPAMHAUS,
        "https://www.spamhaus.org/blocklists/domain-blocklist/",
    ),
    Blocklist(
        "list.dnswl.org",
        (Asked.ALLOW,),
        "127.0.[2..9;11..20].[1..3]",
        "dnswl.org",
        "Nothing: it spares known mail servers the blocklists and the rules behind "
        "them. Mail for others it never lets through.",
        "No mail. Spam that a listed server sends gets past the blocklists; while the "
        "list does not answer, refusals behind it become “try again later”.",
        "Free below 100,000 queries a day; more, or a commercial filter, needs a "
        "subscription.",
        "https://www.dnswl.org/",
        risk=Risk.LOW,
        test="127.0.10.0",
    ),
)


def list_of(key: str) -> Blocklist | None:
    """The list that a control asks; None where it asks none."""
    asked, _, zone = key.partition(":")
    return next((x for x in LISTS if x.zone == zone and asked in x.asked), None)


def controls() -> Iterator[Control]:
    """A control for each kind of question that each list answers."""
    for each in LISTS:
        for asked in each.asked:
            yield made(each, asked)


def made(each: Blocklist, asked: Asked) -> Control:
    """The control that asks a list one kind of question."""
    form = FORMS[asked]
    allows = asked is Asked.ALLOW
    return Control(
        key=f"{asked}:{each.zone}",
        group=Group.BLOCKLISTS,
        place=Restriction(RECIPIENT, form.rank, form.names, each.zone, each.codes),
        title=form.title.format(each.name),
        stops=each.lists,
        loses=each.loses,
        risk=each.risk,
        reply=form.reply.format(each.zone),
        signature=None if allows else f"blocked using {each.zone}",
        since=form.since,
        recommended=each.recommended,
    )
