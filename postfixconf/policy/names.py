"""The restriction names that Postfix knows (postconf(5), 3.0 to 3.10)."""

import re

from postfixconf.policy.classes import declared
from postfixconf.text.maincf import MainCf

__all__ = ["RENAMED", "RESTRICTIONS", "is_known", "modern"]

RESTRICTIONS = frozenset(
    """
    check_ccert_access check_client_a_access check_client_access
    check_client_mx_access check_client_ns_access check_etrn_access
    check_helo_a_access check_helo_access check_helo_mx_access
    check_helo_ns_access check_policy_service check_recipient_a_access
    check_recipient_access check_recipient_mx_access check_recipient_ns_access
    check_relay_domains check_reverse_client_hostname_a_access
    check_reverse_client_hostname_access check_reverse_client_hostname_mx_access
    check_reverse_client_hostname_ns_access check_sasl_access
    check_sender_a_access check_sender_access check_sender_mx_access
    check_sender_ns_access defer defer_if_permit defer_if_reject
    defer_unauth_destination dunno permit permit_auth_destination
    permit_dnswl_client permit_inet_interfaces permit_mx_backup
    permit_mynetworks permit_naked_ip_address permit_rhswl_client
    permit_sasl_authenticated permit_tls_all_clientcerts permit_tls_clientcerts
    reject reject_authenticated_sender_login_mismatch reject_invalid_helo_hostname
    reject_invalid_hostname reject_known_sender_login_mismatch reject_maps_rbl
    reject_multi_recipient_bounce reject_non_fqdn_helo_hostname
    reject_non_fqdn_hostname reject_non_fqdn_recipient reject_non_fqdn_sender
    reject_plaintext_session reject_rbl reject_rbl_client reject_rhsbl_client
    reject_rhsbl_helo reject_rhsbl_recipient reject_rhsbl_reverse_client
    reject_rhsbl_sender reject_sender_login_mismatch
    reject_unauth_destination reject_unauth_pipelining
    reject_unauthenticated_sender_login_mismatch reject_unknown_address
    reject_unknown_client reject_unknown_client_hostname
    reject_unknown_forward_client_hostname reject_unknown_helo_hostname
    reject_unknown_hostname reject_unknown_recipient_domain
    reject_unknown_reverse_client_hostname reject_unknown_sender_domain
    reject_unlisted_recipient reject_unlisted_sender reject_unverified_recipient
    reject_unverified_sender sleep smtpd_access_maps warn_if_reject
    """.split()
)

# Names of before Postfix 2.3, still accepted, and reject_rbl of before 2.0.
RENAMED = {
    "reject_invalid_hostname": "reject_invalid_helo_hostname",
    "reject_non_fqdn_hostname": "reject_non_fqdn_helo_hostname",
    "reject_rbl": "reject_rbl_client",
    "reject_unknown_address": "reject_unknown_sender_domain",
    "reject_unknown_client": "reject_unknown_client_hostname",
    "reject_unknown_hostname": "reject_unknown_helo_hostname",
}


def modern(name: str) -> str:
    """A restriction's name as it is today, in lower case."""
    return RENAMED.get(name.lower(), name.lower())


def is_known(name: str, main: MainCf) -> bool:
    """Whether smtpd would understand the item `name` of a list.

    A table, a `$reference`, a brace group and a restriction class that main.cf
    declares are taken on trust.
    """
    if name.lower() in RESTRICTIONS or re.search(r"[:${]", name):
        return True
    return name in declared(main)
