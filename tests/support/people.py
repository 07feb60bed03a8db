"""What smtpd and the queue log of one message that somebody here has sent."""

from collections.abc import Iterator

from tests.support.logged import line

__all__ = ["SUBMISSION", "message", "secured"]

SUBMISSION = "postfix/submission/smtpd"
HOME = "dsl7.isp.example[198.51.100.7]"


def secured(client: str = HOME, protocol: str = "TLSv1.3") -> str:
    """As smtpd writes it where smtpd_tls_loglevel is at least 1."""
    return (
        f"Anonymous TLS connection established from {client}: {protocol} with cipher"
        " TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature"
        " RSA-PSS (2048 bits) server-digest SHA256"
    )


def message(
    number: int,
    user: str = "",
    *,
    client: str = HOME,
    program: str = "postfix/smtpd",
    tls: str = "",
    recipients: int = 1,
) -> Iterator[bytes]:
    """The lines of one message, from the connection to its removal."""
    name = f"{number + 1:010X}"
    login = f", sasl_method=PLAIN, sasl_username={user}" if user else ""
    yield line(f"connect from {client}", program)
    if tls:
        yield line(secured(client, tls), program)
    yield line(f"{name}: client={client}{login}", program)
    yield line(f"{name}: message-id=<{number}@x>", "postfix/cleanup")
    told = f"{name}: from=<a@practice.test>, size=9, nrcpt={recipients} (queue active)"
    yield line(told, "postfix/qmgr")
    yield line(f"disconnect from {client} ehlo=1 auth=1 mail=1 rcpt=1 data=1", program)
    for each in range(recipients):
        yield line(
            f"{name}: to=<r{each}@far.example>, relay=far.example[192.0.2.99]:25,"
            " delay=1.2, delays=0.1/0/0.5/0.6, dsn=2.0.0, status=sent (250 ok)",
            "postfix/smtp",
        )
    yield line(f"{name}: removed", "postfix/qmgr")
