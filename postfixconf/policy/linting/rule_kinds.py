"""Every kind of finding about restriction lists."""

from postfixconf.policy.finding import Level
from postfixconf.policy.linting.kind import Kind

__all__ = ["RULES"]

RULES: dict[str, Kind] = {
    "no_relay_protection": Kind(
        Level.ERROR,
        "Nothing refuses mail from strangers to strangers, so Postfix refuses to work "
        "or the server is an open relay.",
        "An open relay is found within hours; other servers then refuse all your mail.",
        "Add reject_unauth_destination to smtpd_relay_restrictions.",
        blocks=True,
    ),
    "unprotected_service": Kind(
        Level.ERROR,
        "With the lists that {0} has in master.cf, nothing refuses mail from strangers "
        "to strangers there.",
        "Postfix refuses to work on that port, or it is an open relay.",
        "Add reject_unauth_destination or reject to one of its lists.",
    ),
    "warned_relay_protection": Kind(
        Level.ERROR,
        "warn_if_reject takes the effect from {0}.",
        "warn_if_reject only logs what the next rule would refuse: strangers can "
        "relay.",
        "Take warn_if_reject out.",
    ),
    "access_opens_relay": Kind(
        Level.ERROR,
        "“{0}” stands before the relay protection: who claims this sender can send to"
        " anyone.",
        "Anybody can claim any sender.",
        "Write permit_auth_destination instead, or add reject_unauth_destination to "
        "smtpd_relay_restrictions.",
        blocks=True,
    ),
    "table_opens_relay": Kind(
        Level.ERROR,
        "“{0}” in {1} lets a client that claims it send to anyone: {2} is asked "
        "before the relay protection.",
        "Sender and greeting are claims that anybody can make.",
        "Write permit_auth_destination instead, or move the rule behind "
        "reject_unauth_destination.",
    ),
    "own_domains_before_permits": Kind(
        Level.ERROR,
        "The sender table is asked before permit_mynetworks and "
        "permit_sasl_authenticated: your own people would be refused.",
        "They send with your own domains, as they should.",
        "Move check_sender_access behind both in main.cf, then adopt the edit.",
    ),
    "own_people_refused": Kind(
        Level.ERROR,
        "“{0}” in the sender table refuses your own people too: {1} should stand "
        "before the rule that asks it.",
        "Scanners, and programs on this server, send with your own domain, as they "
        "should.",
        "Name the domain on the page Own domains and switch the stop on: mailguard "
        "puts {1} first. Or write it there in main.cf, then adopt the edit.",
    ),
    "policy_stops_mail": Kind(
        Level.WARNING,
        "While {0} does not answer, Postfix answers “{1}” to every recipient.",
        "It is asked about each recipient. Without it no mail gets in.",
        "Write check_policy_service {{ {0}, timeout=5s, try_limit=1, "
        "default_action=DUNNO }} (Postfix 3.0 and later).",
    ),
    "unknown_restriction": Kind(
        Level.ERROR,
        "Postfix does not know “{0}” and answers 451 to all mail that gets this far.",
        "No check of Postfix's own finds it; the senders retry for days.",
        "Correct the spelling or take it out.",
    ),
    "removed_name": Kind(
        Level.ERROR,
        "{0} was removed from Postfix 3.9: this {1} answers 451 to all mail that gets"
        " there.",
        "The senders retry for days, then their mail comes back.",
        "Write {2} instead.",
    ),
    "leaving_name": Kind(
        Level.WARNING,
        "{0} is no longer there in Postfix 3.9 and later.",
        "After that upgrade all mail that gets there is answered with 451.",
        "Write {1} instead.",
    ),
    "legacy_name": Kind(
        Level.NOTE,
        "{0} is an old name for {1}.",
        "It works, but the documentation no longer has it.",
        "Write {1}.",
    ),
    "unreachable_rule": Kind(
        Level.WARNING,
        "“{0}” is never reached: “{1}” before it has the last word.",
        "It looks like a protection and is none.",
        "Move it before “{1}”, or take it out.",
    ),
    "permits_missing": Kind(
        Level.WARNING,
        "“{0}” can refuse your own people: {1} should stand before it.",
        "Your own users and machines often have no proper name and a home address "
        "that blocklists list.",
        "Put {1} first in this list.",
    ),
    "allow_overruled": Kind(
        Level.WARNING,
        "“{0}” is let in by “{1}”, but “{2}” in this list can still refuse it.",
        "Lists are independent: what allows in one of them ends that list only.",
        "Put “{1}” before “{2}” in this list too.",
    ),
    "helo_not_required": Kind(
        Level.WARNING,
        "A client that sends no greeting skips {0}.",
        "Spam programs do just that.",
        "Switch on “Insist on a greeting”.",
    ),
    "pipelining_early": Kind(
        Level.WARNING,
        "reject_unauth_pipelining in this list does not see a client that sends its "
        "message ahead.",
        "What spam programs send without waiting comes after DATA; here it was not "
        "sent yet.",
        "Move it to smtpd_data_restrictions, behind the permits.",
    ),
    "pipelining_before_permits": Kind(
        Level.WARNING,
        "reject_unauth_pipelining stands before {0}: your own programs are refused "
        "too.",
        "Scanners and scripts on your own network often send without waiting.",
        "Put {0} before it.",
    ),
    "unfiltered_blocklist": Kind(
        Level.WARNING,
        "{0} has no return codes: a refused query {2}.",
        "A list answers “too many queries” with an address too, and without codes any"
        " address counts.",
        "{1}.",
    ),
    "unfiltered_allow_list": Kind(
        Level.WARNING,
        "{0} has no return codes: an error of the list lets everybody in.",
        "A list answers “too many queries” with an address too, and without codes any"
        " address counts.",
        "Write the codes behind it (list.dnswl.org={1}).",
    ),
    "dead_blocklist": Kind(
        Level.ERROR,
        "{0} is dead: it lists nobody, or one day everybody.",
        "Lists that were given up have answered “listed” for the whole world, to be "
        "left alone.",
        "Take it out.",
    ),
    "key_in_the_open": Kind(
        Level.WARNING,
        "{0} is asked with a key, and everybody on this machine can read it.",
        "main.cf is world-readable, and a refused sender is told the whole zone: who "
        "has the key uses it up.",
        "Take the rule out, type the key on the page Blocklists, and have its owner "
        "give you another one.",
    ),
    "keyless_blocklist": Kind(
        Level.NOTE,
        "{0} answers only those it knows: {1}.",
        "Everybody else's mail waits for a query that finds nothing, or is refused.",
        "Register with the list, or take it out.",
    ),
}
