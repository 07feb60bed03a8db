"""The presets, as data: which controls each one has on, and in which order.

A preset never switches anything by itself: what it would change is told first, and
each line can be left out. What is not recommended is in none of them.
"""

from dataclasses import dataclass
from types import MappingProxyType

from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Group
from postfixconf.policy.restriction_lists import RECIPIENT

__all__ = ["MANUAL", "PRESETS", "Preset", "preset"]

CAREFUL = (
    "reject_invalid_helo_hostname",
    "reject_non_fqdn_sender",
    "reject_unknown_sender_domain",
    "reject_non_fqdn_recipient",
    "disable_vrfy_command",
    "reject_unauth_pipelining",
    "smtpd_forbid_bare_newline",
)
STANDARD = (
    "reject_unknown_reverse_client_hostname",
    "smtpd_helo_required",
    *CAREFUL,
    "reject_non_fqdn_helo_hostname",
    "dnsbl:zen.spamhaus.org",
    "rhsbl_sender:dbl.spamhaus.org",
    "smtpd_forbid_unauth_pipelining",
)
STRICT = (
    *STANDARD,
    "own_domains",
    "reject_unknown_recipient_domain",
    "dnsbl:psbl.surriel.com",
    "dnsbl:bl.mailspike.net",
    "rhsbl_helo:dbl.spamhaus.org",
    "rhsbl_reverse:dbl.spamhaus.org",
    "strict_rfc821_envelopes",
)
BY_HAND = (
    "reject_unknown_reverse_client_hostname",
    "reject_non_fqdn_helo_hostname",
    "reject_non_fqdn_sender",
    "reject_non_fqdn_recipient",
    "reject_invalid_helo_hostname",
    "greylisting",
    "reject_unauth_pipelining",
    "reject_unknown_recipient_domain",
    "dnsbl:zen.spamhaus.org",
    "disable_vrfy_command",
    "strict_rfc821_envelopes",
    "smtpd_helo_required",
    "own_domains",
)
# The author's line: permits, checks of names, greylisting, the rest, blocklists.
# reject_unauth_destination is ours: as printed, smtpd dies with an empty relay list.
LINE = (
    "permit_mynetworks",
    "permit_sasl_authenticated",
    "reject_unauth_destination",
    "reject_non_fqdn_helo_hostname",
    "reject_non_fqdn_sender",
    "reject_non_fqdn_recipient",
    "reject_invalid_helo_hostname",
    "check_policy_service",
    "reject_unauth_pipelining",
    "reject_unknown_recipient_domain",
    *sorted(
        (each.key for each in CONTROLS if each.group is Group.BLOCKLISTS),
        key=lambda key: not key.startswith("dnswl:"),
    ),
)
MANUAL = MappingProxyType({RECIPIENT: LINE})


@dataclass(frozen=True)
class Preset:
    """A choice of controls.

    `keys` are on in it, everything else that refuses is off. `whom` says for which
    server it is. With `ordered` it brings the order of the manual's line.
    """

    name: str
    title: str
    whom: str
    keys: frozenset[str]
    ordered: bool = False


PRESETS = (
    Preset(
        "careful",
        "Careful",
        "Only what real mail servers do not do. For a server where no customer's mail "
        "may be lost, and for the first week.",
        frozenset(CAREFUL),
    ),
    Preset(
        "standard",
        "Standard",
        "Careful, with names that servers should have and the blocklist that stops "
        "most. Right for most companies.",
        frozenset(STANDARD),
    ),
    Preset(
        "strict",
        "Strict",
        "Standard, with more blocklists, your own domains guarded and no patience for "
        "old programs. Expect to let some senders in by hand.",
        frozenset(STRICT),
    ),
    Preset(
        "manual",
        "As in the manual",
        "What ClearOS's manual has an administrator write by hand against spam, in the "
        "order of its line, with reject_unauth_destination where nothing else "
        "refuses relaying.",
        frozenset(BY_HAND),
        ordered=True,
    ),
)


def preset(name: str) -> Preset | None:
    """The preset of this name, None where there is none."""
    return next((each for each in PRESETS if each.name == name), None)
