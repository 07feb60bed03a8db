"""The lists in the DNS, as data: in use, some of them behind a registration or a key.

Each is a zone that is asked about a client's address or about a domain, with the
answers that are a listing. A list in use is a control for each kind of question that
it answers; `catalog` takes them from here. What a list's owner changes tomorrow is
not known here: its health is asked in `host.dnsbl`.
"""

from collections.abc import Iterator

from postfixconf.policy.control import Control, Risk
from postfixconf.policy.listing import DOMAINS, Asked, Blocklist, Status, made

__all__ = ["LISTS", "Asked", "Blocklist", "Status", "controls"]

SHARED = "Mail from a sender who shares a listed address."
SPAMHAUS = (
    "Free for low volume and no commercial filtering service; anything more needs a "
    "subscription. Not through a public resolver."
)

DQS = "dq.spamhaus.net"  # the key that Spamhaus gives each customer
DQS_TERMS = (
    "Free after registration for low volume and no commercial filtering service; "
    "anything more needs a subscription. Through any resolver, a public one too."
)
DQS_URL = "https://www.spamhaus.com/data-access/data-query-service/"
CHECK_SPAMHAUS = "see https://check.spamhaus.org/"

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
        "zen.dq.spamhaus.net",
        (Asked.CLIENT,),
        "127.0.0.[2..11]",
        "Spamhaus ZEN (with a key)",
        "The same as Spamhaus ZEN, minutes fresher, and asked with a key of your own: "
        "for servers whose resolver Spamhaus does not answer.",
        f"{SHARED} Take one of the two ZEN lists, not both.",
        DQS_TERMS,
        DQS_URL,
        status=Status.KEY,
        ipv6=True,
        key=DQS,
        lookup=CHECK_SPAMHAUS,
    ),
    Blocklist(
        "dbl.dq.spamhaus.net",
        DOMAINS,
        "127.0.1.[2..99]",
        "Spamhaus DBL (with a key)",
        "The same as Spamhaus DBL, minutes fresher, and asked with a key of your own.",
        "Mail of a domain that was broken into, until it is taken off.",
        DQS_TERMS,
        DQS_URL,
        status=Status.KEY,
        key=DQS,
        lookup=CHECK_SPAMHAUS,
    ),
    Blocklist(
        "zrd.dq.spamhaus.net",
        DOMAINS,
        "127.0.2.[2..24]",
        "Spamhaus ZRD (with a key)",
        "Domains that nobody had seen until a few hours ago.",
        "The first mail from a domain that somebody has just begun to use, for a day.",
        DQS_TERMS,
        DQS_URL,
        status=Status.KEY,
        risk=Risk.HIGH,
        recommended=False,
        key=DQS,
        lookup=CHECK_SPAMHAUS,
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


def controls() -> Iterator[Control]:
    """A control for each kind of question that each list answers."""
    for each in LISTS:
        for asked in each.asked:
            yield made(each, asked)
