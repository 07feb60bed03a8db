"""What somebody typed into the one box, and where the attempts it means are found.

    bob@example.org   sender or recipient        203.0.113.7      client
    example.org       sender's domain, or host   203.0.113.0/24   clients in a network
    mx1.example.org   host                       greylisted       words of the reply

Text that strangers chose is found by its key, whole: `example.org` finds senders at
just that domain, and hosts at or below it. A host is found by its client name; a
greeting counts where the client's name is of the same organisation. Words are looked
for in the replies, of which there are few; what differs from mail to mail in a reply
(addresses, long numbers) cannot be found in it and is left out.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import reduce
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from operator import and_

from django.db.models import Q

from mailguard.servers.models import Server
from mailguard.traffic.keys import key_of, network_of, organisation_of, sent_by
from mailguard.traffic.models import Attempt, Reply
from mailguard.traffic.walks import Look, Walk
from postfixconf.errors import BadValue

__all__ = ["only_words", "walks_of", "within"]

Network = IPv4Network | IPv6Network

LONGEST = 400  # characters of a question
INDEXED = {4: 24, 6: 64}  # bits of the networks that attempts are indexed by
WIDEST = 8  # bits more than that, and their keys are too many for a question
MOST_WALKS = 40
NUMBERS = re.compile(r"[0-9.]*\.[0-9.]*(/\S*)?|[0-9a-f]*:[0-9a-f:.]*(/\S*)?")
LABEL = r"[^\s.@/:,;<>()\[\]\"]+"
HOST = re.compile(rf"({LABEL}\.)+(?![0-9]){LABEL}\.?")
VARIABLE = re.compile(r"[@<>\[\]…]|://|\d{3}|\d\.\d\.\d")


def walks_of(text: str, server: Server) -> list[Walk]:
    """The walks that a question needs, none where nothing can fit.

    Raises BadValue, which quotes the text and says what would do.
    """
    asked = plain(text)
    if len(text) > LONGEST:
        raise BadValue(text, f"at most {LONGEST} characters can be looked for")
    if text.strip() == "<>":
        return [Walk(Attempt.objects.all(), lambda look: look.sender == "")]
    if not asked:
        return [Walk(Attempt.objects.all())]
    if NUMBERS.fullmatch(asked):
        return list(by_client(text, asked))
    if "@" in asked and not re.search(r"\s", asked):
        return list(by_address(asked))
    if HOST.fullmatch(asked):
        return [*by_host(asked), *by_words(asked)]
    if not words_of(asked):
        raise BadValue(text, "an address, a domain, an IP or words of a reply would do")
    return list(by_words(asked))


def plain(text: str) -> str:
    """A question without what a mail program puts around an address."""
    return text.strip().strip("<>[],;").removeprefix("mailto:").strip().lower()


def only_words(text: str) -> bool:
    """Whether a question is looked for in replies alone, not among the addresses.

    >>> only_words("kate"), only_words("kate@customer.example")
    (True, False)
    """
    asked = plain(text)
    shapes = (NUMBERS.fullmatch(asked), HOST.fullmatch(asked))
    address = "@" in asked and not re.search(r"\s", asked)
    return bool(asked) and not address and not any(shapes)


def by_address(address: str) -> Iterator[Walk]:
    """A sender or a recipient; with nothing before the @, a domain."""
    local, _, domain = address.rpartition("@")
    if not local:
        yield from by_host(domain)
    for each in dict.fromkeys((f"{local}@{ascii_domain(domain)}", address)):
        yield Walk(Attempt.objects.filter(**sent_by(each)))
        yield Walk(Attempt.objects.filter(recipient_key=key_of(each)))


def by_host(name: str) -> Iterator[Walk]:
    """A sender's domain, or a client whose name is, or is below it."""
    host = ascii_domain(name).strip(".")
    for domain in dict.fromkeys((host, name.strip("."))):
        yield Walk(Attempt.objects.filter(domain_key=key_of(domain)))
    rows = Attempt.objects.filter(name_key=key_of(organisation_of(host)))
    yield Walk(rows, lambda look: named(look, host))


def named(look: Look, host: str) -> bool:
    """Whether a client's name or greeting is, or is below, a host."""
    return within(look.client_name, host) or within(look.helo, host)


def within(name: str, domain: str) -> bool:
    """Whether a name is, or is below, a domain.

    >>> within("mx1.example.org", "example.org"), within("myexample.org", "example.org")
    (True, False)
    """
    return f".{name.lower().strip('.')}".endswith(f".{domain}")


def by_client(text: str, asked: str) -> Iterator[Walk]:
    """One client, or all of a network. Raises BadValue for what is neither."""
    try:
        network = ip_network(asked, strict=False)
    except ValueError:
        would = "not an IP address or network (192.0.2.7, 192.0.2.0/24, 2001:db8::/32)"
        raise BadValue(text, would) from None
    yield from in_network(network)


def in_network(network: Network) -> Iterator[Walk]:
    """The attempts of a network: by the small networks in it that are indexed."""
    small = INDEXED[network.version]
    if network.prefixlen < small - WIDEST:  # so many that some are found soon
        rows = Attempt.objects.all()
    elif network.prefixlen < small:
        keys = [key_of(each) for each in network.subnets(new_prefix=small)]
        rows = Attempt.objects.filter(network_key__in=keys)
    else:
        key = key_of(network_of(str(network.network_address)))
        rows = Attempt.objects.filter(network_key=key)
    yield Walk(rows, lambda look: inside(look, network))


def inside(look: Look, network: Network) -> bool:
    """Whether the client is of a network."""
    return address_inside(look.client_address, network)


def address_inside(address: str, network: Network) -> bool:
    """Whether a text is an address of a network."""
    with suppress(ValueError):
        return ip_address(address) in network
    return False


def by_words(text: str) -> Iterator[Walk]:
    """Attempts whose reply has all of these words."""
    conditions = [Q(text__icontains=word) for word in words_of(text)]
    if not conditions:
        return
    replies = Reply.objects.filter(reduce(and_, conditions))
    found = set(replies.values_list("pk", flat=True))
    if len(found) > MOST_WALKS:
        yield Walk(Attempt.objects.all(), lambda look: look.reply_id in found)
        return
    for number in found:
        yield Walk(Attempt.objects.filter(reply_id=number))


def words_of(text: str) -> list[str]:
    """The words that can be found: no codes, addresses or long numbers."""
    words = [word.strip(".,;:!?'\"()“”") for word in text.split()]
    return [word for word in words if word and not VARIABLE.search(word)][:20]


def ascii_domain(domain: str) -> str:
    """A domain as the DNS has it, or as it is where that is impossible."""
    with suppress(UnicodeError):
        return domain.encode("idna").decode()
    return domain
