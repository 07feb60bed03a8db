"""From an attempt as it was kept to the envelope that can be tried again.

Only a whole envelope is one: what the log does not tell is never made up. What is
not seen: a service whose `syslog_name` is not `postfix/` and its own name (it counts
as port 25), and a letter that Postfix itself wrote to the log as `?`.
"""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice
from typing import Any

from django.db.models import Q

from mailguard.traffic.keys import key_of
from mailguard.traffic.models import Attempt, Verdict
from mailguard.traffic.rows import domain_of
from postfixconf.errors import BadValue
from postfixconf.policy.probes import Probe

__all__ = [
    "DECIDED",
    "PASSED",
    "known",
    "lacking",
    "latest_domains",
    "probe_of",
    "recorded",
    "sender_domain",
]

LATEST = 10_000  # attempts of anybody that are looked at for sub-domains
LATELY = 2000  # attempts of one domain that are looked at for envelopes
MOST_DOMAINS = 40
CONTENT = ("DATA", "BDAT", "END-OF-MESSAGE")  # commands behind the envelope
PASSED = Q(outcome=Verdict.ACCEPTED)
DECIDED = PASSED | Q(outcome__in=(Verdict.REFUSED, Verdict.PUT_OFF)) & ~Q(
    command__in=CONTENT
)
TEXTS = {  # a field of a probe: the column, and what it is called
    "client_address": ("client_address", "the client's address"),
    "client_name": ("client_name", "the client's name"),
    "reverse_client_name": ("reverse_name", "the reverse name"),
    "helo": ("helo", "the greeting"),
    "sender": ("sender", "the sender"),
    "recipient": ("recipient", "the recipient"),
    "sasl_username": ("sasl_username", "who signed in"),
}
LENGTHS = {
    name: getattr(Attempt._meta.get_field(column), "max_length", 0)
    for name, (column, _) in TEXTS.items()
}
NEEDED = ("client_address", "helo", "recipient")
NAMES = ("client_name", "reverse_client_name")
UNKNOWN = "unknown"  # what Postfix writes for no name


def known(attempt: Attempt) -> dict[str, Any]:
    """What is known of the envelope, by the names of `Probe`'s fields.

    A client without a proven name has the name "". The reverse name is known where
    the recorder wrote it down, "" where the address has none.
    """
    found = {}
    for name in TEXTS:
        text = text_of(attempt, name)
        if text is not None and is_whole(attempt, name):
            found[name] = "" if text == UNKNOWN and name in NAMES else text
    if not attempt.reverse_name:
        found.pop("reverse_client_name", None)
    service = service_of(attempt)
    return found if service is None else found | {"service": service}


def lacking(attempt: Attempt) -> list[str]:
    """What the log does not tell of the envelope, in words; empty for nothing."""
    missing = [] if service_of(attempt) is not None else ["which smtpd answered"]
    for name, (_, title) in TEXTS.items():
        text = text_of(attempt, name)
        if text is None or (not text and name in NEEDED):
            missing.append(title)
        elif not is_whole(attempt, name):
            missing.append(f"{title} as it was sent")
    return missing


def probe_of(attempt: Attempt) -> Probe | None:
    """The envelope of an attempt, to be tried again; it expects nothing.

    None where the row does not hold all of it: no greeting (the recorder was off),
    an address of which only the domain was kept, a text that was cut, a client that
    postscreen answered. Where the reverse name is not known it is left open, and is
    the client's name then.
    """
    if lacking(attempt):
        return None
    try:
        return Probe(**known(attempt))
    except BadValue:
        return None


def sender_domain(attempt: Attempt) -> str:
    """The domain of its sender, "" where there is none or not all of it is known."""
    sender = attempt.sender or ""
    return domain_of(sender) if "@" in sender and is_whole(attempt, "sender") else ""


def text_of(attempt: Attempt, name: str) -> str | None:
    """What was kept of a field; None where only a domain was, or nothing."""
    text: str | None = getattr(attempt, TEXTS[name][0])
    if text and name in ("sender", "recipient") and text.startswith("@"):
        return None
    return text


def is_whole(attempt: Attempt, name: str) -> bool:
    """Whether a text is as it was sent: neither cut nor with bytes as marks."""
    text = getattr(attempt, TEXTS[name][0]) or ""
    return len(text) < LENGTHS[name] and "\\x" not in text


def service_of(attempt: Attempt) -> str | None:
    """The service of master.cf, "" for port 25; None where it was no smtpd.

    Postfix has other ports log as `postfix/submission/smtpd`.
    """
    *services, daemon = attempt.service.split("/")
    if daemon != "smtpd":
        return None
    return services[-1] if len(services) > 1 else ""


def recorded(domains: Iterable[str], fitting: Q) -> Iterator[Probe]:
    """Different envelopes with a sender at just these domains, the newest first.

    `fitting` is PASSED or DECIDED. At most the LATELY latest attempts of a domain
    are looked at, and MOST_DOMAINS domains.
    """
    walks = [lately(domain, fitting) for domain in islice(domains, MOST_DOMAINS)]
    seen = set()
    for attempt in merge(*walks, key=lambda attempt: -attempt.at):
        probe = probe_of(attempt)
        if probe is not None and probe not in seen:
            seen.add(probe)
            yield probe


def lately(domain: str, fitting: Q) -> Iterator[Attempt]:
    """The latest attempts of a domain that may hold a whole envelope."""
    rows = Attempt.objects.filter(domain_key=key_of(domain)).order_by("-at")
    some = Attempt.objects.filter(fitting, pk__in=rows.values("pk")[:LATELY])
    whole = some.exclude(helo="").order_by("-at").defer("raw")
    return whole.iterator(chunk_size=100)


def latest_domains() -> list[str]:
    """The domains of the latest senders of all, each once, the newest first."""
    rows = Attempt.objects.order_by("-at").values_list("sender", flat=True)
    return list(
        dict.fromkeys(domain_of(each).lower() for each in rows[:LATEST] if each)
    )
