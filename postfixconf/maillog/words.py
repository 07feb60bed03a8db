"""Which messages Postfix is known to write, by daemon and first word.

A message begins with a queue id or not, and then with a word that says what it is:
`disconnect from …`, `removed`, `warning: …`. A word that stands here for its daemon
is known; any other is counted under the daemon's name and that word, never guessed.
Debug output (`smtpd -v`) is not known.
"""

import re

from postfixconf.maillog.lines import DAEMONS, QUEUE_ID

__all__ = ["DECISIONS", "PARTING", "WORD", "kind_of", "word_of"]

WORD = "[A-Za-z_-]{0,24}"
FIRST = re.compile(rf"(?:{QUEUE_ID}: )?({WORD})")
LONGEST = 24  # characters of a program's name in a kind

EVERY = frozenset("warning fatal panic error to".split())
DELIVERY = (
    "connect host Trusted Untrusted Verified Anonymous SSL_connect certificate enabling"
    " discarding lost conversation timeout status setting improper CA TLS"
    " sender passing replacing Host server Server"
)
KNOWN: dict[str, frozenset[str]] = {
    daemon: EVERY | frozenset(words.split())
    for daemon, words in {
        "anvil": "statistics",
        "bounce": "sender postmaster",
        "cleanup": "message-id resent-message-id reject hold discard filter redirect"
        " prepend replace strip info bcc pass milter-reject milter-hold milter-discard"
        " milter-quarantine table reload",
        "discard": "",
        "dnsblog": "addr",
        "error": "",
        "flush": "table",
        "lmtp": DELIVERY,
        "local": "table",
        "master": "daemon reload terminating open",
        "pickup": "uid sender message",
        "pipe": "",
        "postfix-script": "starting stopping refreshing the Postfix waiting stopped",
        "postlog": "the starting stopping refreshing",
        "postqueue": "name_mask",
        "postscreen": "CONNECT DISCONNECT PASS PREGREET HANGUP DNSBL WHITELISTED"
        " BLACKLISTED ALLOWLISTED DENYLISTED WHITELIST ALLOWLIST NON-SMTP COMMAND BARE"
        " entering leaving reject cache close table PENALTY",
        "postsuper": "removed Deleted Placed Released Requeued renamed Renamed",
        "proxymap": "table",
        "qmgr": "from removed skipped mail requeue table status",
        "scache": "statistics",
        "sendmail": "",
        "smtp": DELIVERY,
        "smtpd": "client connect disconnect lost timeout too improper reject"
        " reject_warning warn info hold discard filter redirect bcc prepend permit"
        " accept delay"
        " Anonymous Trusted Untrusted Verified SSL_accept setting table replacing using"
        " abort TLS non-SMTP fingerprint sasl initializing",
        "tlsmgr": "open table",
        "tlsproxy": "CONNECT DISCONNECT Anonymous Trusted Untrusted Verified SSL_accept"
        " TLS lost table",
        "trivial-rewrite": "table",
        "verify": "cache close table",
        "virtual": "",
    }.items()
}
# A session begins or ends; what its process was doing is over.
PARTING = frozenset("connect disconnect lost timeout too improper".split())
DECISIONS = frozenset(
    f"{by}{verb}"
    for by in ("", "milter-", "proxy-")
    for verb in "accept reject reject_warning hold discard".split()
) | frozenset("warn info filter redirect bcc prepend permit delay".split())
for _daemon in ("smtpd", "postscreen"):
    KNOWN[_daemon] |= DECISIONS
SAME = {
    "oqmgr": "qmgr",
    "retry": "error",
    "proxywrite": "proxymap",
    "postfix": "master",
}


def word_of(message: str) -> str:
    """The first word behind the queue id, "" where there is none."""
    match = FIRST.match(message)
    return match[1] if match else ""


def kind_of(program: str, word: str) -> tuple[str, bool]:
    """The kind of a line of Postfix, and whether it is known."""
    daemon = program.rpartition("/")[2]
    known = KNOWN.get(SAME.get(daemon, daemon), EVERY if daemon in DAEMONS else None)
    if known is None and word != "to":
        return f"{daemon[:LONGEST]}: no daemon of Postfix", False
    return f"{daemon}: {word or 'no word'}", known is None or word in known
