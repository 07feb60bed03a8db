"""A practice server that takes mail from who signs in, on 587 and 465.

A real Dovecot knows Alice (tests.support.dovecot); the certificate names HOST and is
signed by itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from postfixconf.host import files
from postfixconf.host.instance import Instance
from tests.support import dovecot
from tests.support.certificates import HOST, issue, write
from tests.support.dovecot import Dovecot
from tests.support.practice import configure

__all__ = ["BOTH", "Submission", "prepare", "sending"]

COMMON = " -o smtpd_sasl_auth_enable=yes -o smtpd_tls_auth_only=yes"
BOTH = (
    f"587 inet n - n - - smtpd -o smtpd_tls_security_level=encrypt{COMMON}\n"
    f"465 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes{COMMON}\n"
)


@dataclass(frozen=True)
class Submission:
    """The Postfix and the Dovecot behind it."""

    instance: Instance
    dovecot: Dovecot


@contextmanager
def sending(instance: Instance, master: str = BOTH) -> Iterator[Submission]:
    """Give a running server these services, and Dovecot, as long as this lasts."""
    with dovecot.serving() as running:
        prepare(instance, running, master)
        instance.restart()
        yield Submission(instance, running)


def prepare(instance: Instance, running: Dovecot, master: str = BOTH) -> None:
    """Write both files; Postfix has to be told."""
    made, room = issue(itself=True), running.room
    configure(
        instance,
        {
            "myhostname": HOST,
            "smtpd_tls_cert_file": write(Path(room, "cert.pem"), made.pem, 0o644),
            "smtpd_tls_key_file": write(Path(room, "key.pem"), made.key_pem),
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": str(running.socket),
        },
    )
    saved = instance.master()
    files.replace(replace(saved, data=saved.data + master.encode()))
