"""Names as the internet has them, of owners that do not exist: (owner, name) each.

No entry of a whitelist may fit two owners. Written down, so that a list is judged the
same everywhere.
"""

__all__ = ["CLIENTS", "RECIPIENTS"]

OWNERS = ("alpenpost-test", "blaubeere-mail", "cormorant-net", "dragonfly7")
SUFFIXES = (
    *("com", "net", "org", "de", "fr", "it", "nl", "pl", "ru", "cn", "jp", "br", "us"),
    *("info", "biz", "eu", "at", "ch", "se", "io", "co.uk", "org.uk", "com.au"),
    *("co.jp", "com.br", "com.cn", "co.za", "co.in", "com.tr", "co.nz", "com.mx"),
)
HOSTS = ("mail", "mx1.out", "smtp-7", "host-192-0-2-7.pool")
USERS = ("alice", "bob.b", "info", "order-7")

CLIENTS = tuple(
    (f"{owner}.{suffix}", f"{HOSTS[(at + nth) % len(HOSTS)]}.{owner}.{suffix}")
    for at, suffix in enumerate(SUFFIXES)
    for nth, owner in enumerate(OWNERS)
)
# A local part at every domain is one owner: `postmaster@` is a fair entry.
RECIPIENTS = tuple(
    (user, f"{user}@{owner}.{suffix}")
    for suffix in SUFFIXES
    for owner, user in zip(OWNERS, USERS, strict=True)
)
