"""What a rule is called in plain words, and what helps against it. Data.

The key is a control's, or a named kind of `postfixconf.maillog.attribution`: a reason
that mailguard does not switch itself.
"""

from dataclasses import dataclass, replace

from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Control
from postfixconf.policy.greylisting import GREYLISTING

__all__ = [
    "AGAIN",
    "CHOICES",
    "PASSES_BY_ITSELF",
    "VERDICTS",
    "Rule",
    "Word",
    "rule",
]


@dataclass(frozen=True)
class Rule:
    """A rule in words.

    `title` is what it does, `sender` what the sending side can do to get through.
    `instead` says what the administrator does where an allow entry does not help; ""
    is where one does. `page` is the name of the page that helps, "" for none.
    `control` is the catalogue's own entry, None for what cannot be switched here.
    """

    title: str
    sender: str
    instead: str = ""
    page: str = ""
    control: Control | None = None

    @property
    def opened(self) -> bool:
        """Whether an allow entry lets a sender pass it."""
        return not self.instead

    @property
    def does(self) -> str:
        """What it would have done to mail that it only logged: greylisting never
        refuses.
        """
        waits = self.control is not None and self.control.key == GREYLISTING
        return "put off" if waits else "refused"


@dataclass(frozen=True)
class Word:
    """A verdict as a page shows it; `tone` is good, warn, bad or quiet."""

    text: str
    icon: str
    tone: str
    means: str


VERDICTS = {
    "accepted": Word("accepted", "✓", "good", "Postfix took the message."),
    "refused": Word(
        "refused",
        "✗",
        "bad",
        "The sending server was told at once and for good. It does not try again; its "
        "user gets a notice with the reply below.",
    ),
    "put off": Word(
        "put off",
        "↻",
        "warn",
        "The sending server was asked to come back later. A real mail server tries "
        "again by itself, for days.",
    ),
    "would": Word(
        "would have been refused",
        "!",
        "warn",
        "A rule that only logs would have refused it. Nothing was refused for that.",
    ),
    "undecided": Word(
        "undecided",
        "?",
        "quiet",
        "The log does not say how it ended: the client left, or the log stops here.",
    ),
}

# Behind "put off", but where waiting is all it takes.
AGAIN = (
    "It is put off again as long as the cause lasts: then its user gets the mail back, "
    "mostly after some days."
)
PASSES_BY_ITSELF = ("greylisting", "server_fault")
TELL_US = "Write to the postmaster by another way and quote this text."
GREET = (
    "Have the sending server greet (HELO or EHLO) with its full name in the DNS, "
    "such as mail.example.org."
)
FULL_SENDER = "Send with a full address, user@domain, that can be answered."

SENDERS = {
    "reject_unknown_reverse_client_hostname": "Have the provider of the sending "
    "server's address set a reverse name (PTR record) for it.",
    "reject_unknown_client_hostname": "Have the reverse name (PTR) of the sending "
    "server's address and the address of that name lead to one another.",
    "reject_invalid_helo_hostname": GREET,
    "reject_non_fqdn_helo_hostname": GREET,
    "reject_unknown_helo_hostname": GREET,
    "reject_non_fqdn_sender": FULL_SENDER,
    "reject_unknown_sender_domain": "Send from a domain that has a mail server (MX) or "
    "an address in the DNS.",
    "own_domains": "Send addresses of our own domains through our own server, signed "
    "in with user name and password.",
    "reject_non_fqdn_recipient": "Write to a full address, user@domain.",
    "reject_unknown_recipient_domain": "Check the domain of the recipient's address.",
    "greylisting": "Nothing to do: the sending server tries again by itself within "
    "minutes.",
    "reject_unauth_pipelining": "Update the sending program: it talks without waiting "
    "for answers.",
}

MORE = {
    "entries": Rule(
        "An entry or table on this server names the sender",
        TELL_US,
        "A deny entry of yours, or a table written by hand, refuses it. Look for it on "
        "the page of entries and take it away; an allow entry for a more specific "
        "value also helps.",
        page="entries",
    ),
    "relay_protection": Rule(
        "Do not pass on mail for other people's domains",
        "Check the recipient's domain. To send through this server to others, sign in "
        "with user name and password.",
        "No entry can open this, so that the server never becomes an open relay. If "
        "the recipient's domain is yours, add it to mydestination, "
        "virtual_mailbox_domains or relay_domains of Postfix. Your own people sign "
        "in, or send from a network in mynetworks.",
    ),
    "unknown_recipient": Rule(
        "There is no such mailbox here",
        "Check the recipient's address for a typing mistake.",
        "There is nobody to deliver to, so no entry helps. Create the mailbox or an "
        "alias for it; look at the address for a typing mistake.",
    ),
    "server_fault": Rule(
        "This server had a fault of its own",
        "Nothing to do: the sending server tries again by itself. "
        "The fault is on our side.",
        "It is not the sender: Postfix could not look something up, or its "
        "configuration has a fault. Read the raw lines below and the warnings around "
        "them in the mail log.",
    ),
    "reject_unlisted_sender": Rule(
        "The sender's domain is ours, but there is no such address",
        "Send from an address that exists.",
        "Create the address, or an alias for it.",
    ),
    "reject_sender_login_mismatch": Rule(
        "The signed-in user may not send with this address",
        "Send with your own address, or ask for the right to use this one.",
        "Add the address to this user's in smtpd_sender_login_maps of Postfix.",
    ),
    "reject_unverified_sender": Rule(
        "The sender's own mail server does not take mail for that address",
        "Send from an address that can be answered.",
    ),
    "reject_unverified_recipient": Rule(
        "The mailbox's server does not take mail for this address",
        "Check the recipient's address for a typing mistake.",
        "Ask the server behind this one whether the mailbox exists.",
    ),
    "reject_plaintext_session": Rule(
        "Only encrypted connections are taken",
        "Switch on TLS (STARTTLS) on the sending server.",
        "A setting of Postfix wants TLS (reject_plaintext_session): take it out, or "
        "have the sender encrypt.",
    ),
    "encryption": Rule(
        "This server insists on encryption (TLS)",
        "Switch on TLS (STARTTLS) on the sending server.",
        "smtpd_tls_security_level of Postfix is encrypt: set it to may, or have the "
        "sender encrypt.",
    ),
    "message_size": Rule(
        "The message is too large",
        "Send a smaller message, or the file by another way.",
        "Raise message_size_limit of Postfix, or send the file by another way.",
    ),
    "limits": Rule(
        "Too many connections or recipients at once",
        "Send to fewer recipients at once, or try again later.",
        "Limits of Postfix (smtpd_client_connection_count_limit, "
        "smtpd_recipient_limit) do not look at entries.",
    ),
    "postscreen": Rule(
        "Stopped at the door by postscreen",
        TELL_US,
        "postscreen decides before any entry is asked: list the address in "
        "postscreen_access_list of Postfix.",
    ),
    "header_checks": Rule(
        "A header of the message matches a rule (header_checks)",
        TELL_US,
        "Content is judged after the sender was let in: change header_checks.",
    ),
    "body_checks": Rule(
        "The text of the message matches a rule (body_checks)",
        TELL_US,
        "Content is judged after the sender was let in: change body_checks.",
    ),
    "milter": Rule(
        "A mail filter refused it (milter)",
        TELL_US,
        "The filter (smtpd_milters) decides on its own, and does not ask mailguard's "
        "entries: allow the sender there.",
    ),
    "proxy": Rule(
        "The content filter behind Postfix refused it",
        TELL_US,
        "The filter (smtpd_proxy_filter) decides on its own, and does not ask "
        "mailguard's entries: allow the sender there.",
    ),
    "reject_multi_recipient_bounce": Rule(
        "A bounce to several recipients",
        "Bounces go to one recipient only.",
    ),
    "recorder": Rule("Only recorded", "Nothing to do."),
}
UNKNOWN = Rule(
    "A rule that mailguard does not know",
    TELL_US,
    "The reply comes from a rule, table or service that was written by hand. Look for "
    "its words in main.cf and its tables.",
)
NOBODY = Rule("No rule", "Nothing to do.", "Nothing refused it.")
OWN = (
    "No entry opens your own domains. If this client may send in your name, name its "
    "address as an exception; your own people sign in instead."
)
ZONES = {
    "dnsbl": "Refuse addresses on the blocklist {}",
    "rhsbl_reverse": "Refuse reverse names on the blocklist {}",
    "rhsbl_client": "Refuse client names on the blocklist {}",
    "rhsbl_sender": "Refuse sender domains on the blocklist {}",
    "rhsbl_recipient": "Refuse recipient domains on the blocklist {}",
    "rhsbl_helo": "Refuse greetings on the blocklist {}",
}


def of_control(control: Control) -> Rule:
    """The words of a control of the catalogue."""
    if control.key.partition(":")[0] in ZONES:
        return replace(zone(control.key), title=control.title, control=control)
    advice = SENDERS.get(control.key, TELL_US)
    own = control.key == "own_domains"
    instead, page = (OWN, "domains") if own else ("", "")
    return Rule(control.title, advice, instead, page, control)


def zone(key: str) -> Rule:
    """The words of a blocklist that the catalogue does not have."""
    kind, _, name = key.partition(":")
    ask = f"Look up why {name} lists the sender, and ask there to be taken off."
    return Rule(ZONES[kind].format(name), ask)


KNOWN = {each.key: of_control(each) for each in CONTROLS} | MORE
CHOICES = [
    (key, each.title)
    for key, each in KNOWN.items()
    if each.control is None or each.control.signature is not None
]


def rule(key: str) -> Rule:
    """The words of a key; of one that nobody knows, that it is not known.

    >>> rule("relay_protection").title
    "Do not pass on mail for other people's domains"
    """
    if not key:
        return NOBODY
    if key.partition(":")[0] in ZONES and key not in KNOWN:
        return zone(key)
    return KNOWN.get(key, UNKNOWN)
