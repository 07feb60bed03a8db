"""Certificates and keys made by the test: good ones, and every kind of bad one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

__all__ = ["CA", "HOST", "Made", "issue", "key", "key_pem", "write"]

HOST = "mail.practice.test"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Made:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """Its key."""
        return key_pem(self.key)


def key() -> ec.EllipticCurvePrivateKey:
    """A key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(held: ec.EllipticCurvePrivateKey, passphrase: str = "") -> bytes:
    """A key as a file has it."""
    how = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return held.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


@cache
def CA() -> Made:  # noqa: N802 - a name of the field
    """An authority that nobody knows."""
    return issue(names=(), common_name="Practice CA", itself=True)


def issue(
    *,
    names: Sequence[str] = (HOST,),
    common_name: str = HOST,
    begins: timedelta = -DAY,
    ends: timedelta = 90 * DAY,
    itself: bool = False,
) -> Made:
    """A certificate for these names, from CA or signed by `itself`."""
    held = key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    issuer = subject if itself else CA().certificate.subject
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(issuer, subject, held.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
    if names:
        told = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
        builder = builder.add_extension(told, critical=False)
    signer = held if itself else CA().key
    return Made(builder.sign(signer, hashes.SHA256()), held)


def write(path: Path, data: bytes, mode: int = 0o600) -> str:
    """A file with these bytes; its path."""
    path.write_bytes(data)
    path.chmod(mode)
    return str(path)
