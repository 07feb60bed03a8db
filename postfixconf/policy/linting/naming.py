"""Names that Postfix does not know, no longer knows, or calls otherwise today."""

import re
from collections.abc import Iterator

from postfixconf.policy.linting.kind import Said
from postfixconf.policy.linting.seen import Seen
from postfixconf.policy.names import RENAMED, is_known
from postfixconf.policy.restriction_lists import CLIENT

__all__ = ["DERIVED", "SETTINGS", "restrictions", "settings"]

GONE_SINCE = (3, 9)
GONE = {
    "check_relay_domains": "reject_unauth_destination",
    "permit_naked_ip_address": "permit_mynetworks",
    "reject_maps_rbl": "reject_rbl_client ZONE=CODES",
}
# Settings with another name today; told where this Postfix has the new one.
SETTINGS = {
    "authorized_verp_clients": "smtpd_authorized_verp_clients",
    "disable_dns_lookups": "smtp_dns_support_level",
    "fallback_relay": "smtp_fallback_relay",
    "lmtp_per_record_deadline": "lmtp_per_request_deadline",
    "lmtp_use_tls": "lmtp_tls_security_level",
    "maps_rbl_domains": CLIENT,
    "postscreen_blacklist_action": "postscreen_denylist_action",
    "postscreen_dnsbl_ttl": "postscreen_dnsbl_max_ttl",
    "postscreen_dnsbl_whitelist_threshold": "postscreen_dnsbl_allowlist_threshold",
    "postscreen_whitelist_interfaces": "postscreen_allowlist_interfaces",
    "smtp_enforce_tls": "smtp_tls_security_level",
    "smtp_per_record_deadline": "smtp_per_request_deadline",
    "smtp_tls_cipherlist": "smtp_tls_mandatory_ciphers",
    "smtp_tls_per_site": "smtp_tls_policy_maps",
    "smtp_use_tls": "smtp_tls_security_level",
    "smtpd_client_connection_limit_exceptions": "smtpd_client_event_limit_exceptions",
    "smtpd_enforce_tls": "smtpd_tls_security_level",
    "smtpd_per_record_deadline": "smtpd_per_request_deadline",
    "smtpd_sasl_application_name": "smtpd_sasl_path",
    "smtpd_tls_cipherlist": "smtpd_tls_mandatory_ciphers",
    "smtpd_use_tls": "smtpd_tls_security_level",
    "virtual_maps": "virtual_alias_maps",
}
# Settings that Postfix derives from the name of a service (postconf(5)).
DERIVED = re.compile(
    r"[\w.-]+_(time_limit|delivery_slot_\w+|destination_\w+|extra_recipient_limit"
    r"|initial_destination_concurrency|minimum_delivery_slots|recipient_limit"
    r"|recipient_refill_\w+|transport_rate_delay)"
)
REFERENCE = re.compile(r"\$[({]?(\w+)")
# `ldap:NAME` and its like read NAME_parameter from main.cf.
SOURCE = re.compile(r"(?:ldap|mysql|pgsql|sqlite|memcache):(\w+)")


def restrictions(seen: Seen) -> Iterator[Said]:
    """Items of lists that smtpd does not understand, or knows by an older name."""
    for each in (*seen.lists, *seen.bodies):
        for name in dict.fromkeys(rule.name for rule in each.rules):
            low = name.lower()
            if not is_known(name, seen.main):
                yield Said("unknown_restriction", each.place, (name,))
            elif low in GONE and version(seen.facts.version) >= GONE_SINCE:
                yield Said("removed_name", each.place, (low, "rule", GONE[low]))
            elif low in GONE:
                yield Said("leaving_name", each.place, (low, GONE[low]))
            elif low in RENAMED:
                yield Said("legacy_name", each.place, (low, RENAMED[low]))


def version(text: str) -> tuple[int, ...]:
    """A version as numbers: (3, 10, 1)."""
    return tuple(int(each) for each in re.findall(r"\d+", text))


def settings(seen: Seen) -> Iterator[Said]:
    """Settings that this Postfix does not know, or by another name.

    Names of somebody's own are read in master.cf: without it none is called unknown.
    """
    told = list(seen.settings())
    values = " ".join(value for _, _, value in told)
    used = {*REFERENCE.findall(values), *seen.classes}
    sources = tuple(f"{name}_" for name in SOURCE.findall(values))
    for place, name, value in told:
        new = SETTINGS.get(name)
        if new and seen.facts.knows(new):
            if value != seen.facts.defaults.get(name):
                yield Said("legacy_setting", place, (name, new))
        elif seen.master and not (
            seen.facts.knows(name)
            or name in used
            or DERIVED.fullmatch(name)
            or name.startswith(sources)
        ):
            yield Said("unknown_setting", place, (name, seen.facts.version))
