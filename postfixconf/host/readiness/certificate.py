"""The certificate that an smtpd would show, as Postfix finds it.

Facts (postconf(5), TLS_README): where `smtpd_tls_chain_files` is set, the older
parameters are passed over; in its files a key comes first, then its certificate, then
the others of the chain. `smtpd_tls_key_file` is by default the file of the certificate;
`none` and an empty value are no certificate. smtpd reads them as root, before it enters
a chroot, so a key that only root may read is right.

What this does not handle: DSA (`smtpd_tls_dcert_file`), whether a certificate was
revoked, certificates by name (`tls_server_sni_maps`).
"""

import os
import ssl
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from postfixconf.errors import quoted
from postfixconf.host.readiness.check import Check, Level
from postfixconf.host.readiness.settings import Settings

__all__ = ["SOON", "certificate"]

SOON = timedelta(days=14)
LARGEST = 1_000_000  # bytes of a file of certificates
BEGIN, END, KEY = "-----BEGIN ", "-----END ", "PRIVATE KEY-----"
PAIRS = (
    ("smtpd_tls_cert_file", "smtpd_tls_key_file"),
    ("smtpd_tls_eccert_file", "smtpd_tls_eckey_file"),
)
GET_ONE = (
    "Get one from a certificate authority, for instance Let's Encrypt, and name its "
    "files in smtpd_tls_chain_files (key first)."
)
NEW_PATHS = "Correct the path in main.cf, or put the file there."


class Bad(Exception):
    """What is wrong with a file: a sentence, a remedy and a command."""

    def __init__(self, sentence: str, remedy: str, command: str = "") -> None:
        super().__init__(sentence)
        self.remedy = remedy
        self.command = command


@dataclass(frozen=True)
class Pair:
    """A certificate with the others of its chain, and its key, as PEM."""

    where: str
    certificates: bytes
    key: bytes
    key_file: Path


def certificate(settings: Settings, name: str, now: datetime) -> list[Check]:
    """What there is to say of the certificates; one word where all is well.

    `name` is the server's own (`myhostname`), by which mail programs reach it.
    """
    try:
        pairs = list(chained(settings) or apart(settings))
        if not pairs:
            raise Bad("Postfix has no certificate, so nobody can sign in.", GET_ONE)
        said = [each for pair in pairs for each in judged(pair, name, now)]
    except Bad as cause:
        told = (str(cause), cause.remedy, cause.command)
        return [Check("certificate", Level.HINDRANCE, *told)]
    return said


def chained(settings: Settings) -> Iterator[Pair] | None:
    """The pairs of `smtpd_tls_chain_files`; None where it is not set."""
    value = settings.get("smtpd_tls_chain_files").replace(",", " ")
    paths = [Path(each) for each in value.split()]
    return pairs_in(paths) if paths else None


def pairs_in(paths: list[Path]) -> Iterator[Pair]:
    """Each key of these files with the certificates that follow it."""
    held: list[tuple[Path, bytes, list[bytes]]] = []
    for path in paths:
        for block in blocks(path):
            if KEY.encode() in block.splitlines()[0]:
                held.append((path, block, []))
            elif held:
                held[-1][2].append(block)
            else:
                raise Bad(
                    f"{path} begins with a certificate: Postfix wants its key first.",
                    "Put the key at the beginning of the file, or name its file first.",
                )
    for path, key, found in held:
        if not found:
            said = f"No certificate follows the key in {path}."
            raise Bad(said, "Put the certificate after its key.")
        yield Pair(str(path), b"".join(found), key, path)


def apart(settings: Settings) -> Iterator[Pair]:
    """The pairs of the older parameters."""
    for cert_name, key_name in PAIRS:
        cert, key = settings.get(cert_name), settings.get(key_name)
        if cert in ("", "none"):
            continue
        key_file = Path(cert if key in ("", settings.values.get(cert_name)) else key)
        found = [x for x in blocks(Path(cert)) if KEY.encode() not in x.splitlines()[0]]
        keys = [x for x in blocks(key_file) if KEY.encode() in x.splitlines()[0]]
        if not found:
            raise Bad(f"There is no certificate in {cert}.", NEW_PATHS)
        if not keys:
            raise Bad(f"There is no private key in {key_file}.", NEW_PATHS)
        yield Pair(cert, b"".join(found), keys[0], key_file)


def blocks(path: Path) -> list[bytes]:
    """The PEM blocks of a file. Raises Bad."""
    if not path.is_absolute():
        raise Bad(
            f"The path {quoted(str(path))} is not absolute: Postfix may look for it "
            "in its queue directory.",
            "Write it with a slash at the beginning.",
        )
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST).decode("ascii", "replace")
    except FileNotFoundError:
        raise Bad(f"{path} does not exist.", NEW_PATHS) from None
    except OSError as cause:
        said = f"{path} cannot be read: {cause.strerror}."
        raise Bad(said, "Root has to be able to read it.") from cause
    found: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        if line.startswith(BEGIN):
            found.append([])
            inside = True
        if inside:
            found[-1].append(line)
        inside = inside and not line.startswith(END)
    wanted = (each for each in found if "PARAMETERS" not in each[0])
    return ["\n".join([*each, ""]).encode() for each in wanted]


def judged(pair: Pair, name: str, now: datetime) -> Iterator[Check]:
    """What there is to say of one pair. Raises Bad."""
    chain, leaf = opened(pair)
    ends = leaf.not_valid_after_utc
    day = f"{ends:%Y-%m-%d}"
    if ends <= now:
        raise Bad(f"The certificate {pair.where} expired on {day}.", renew())
    if leaf.not_valid_before_utc > now:
        raise Bad(
            f"The certificate {pair.where} is valid only from "
            f"{leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on.",
            "Look at this machine's clock, or get a certificate that is valid now.",
        )
    said = [*unsafe(pair.key_file), *unnamed(leaf, pair, name), *unknown(chain, pair)]
    if ends - now < SOON:
        left = (ends - now).days
        sentence = f"The certificate {pair.where} expires on {day}, in {left} days."
        said.append(warning(sentence, renew()))
    yield from said
    if not said:
        sentence = f"{pair.where} is valid until {day}, names {name}, and has its key."
        yield Check("certificate", Level.OK, sentence)


def renew() -> str:
    """What to do about one that has expired, or will."""
    return (
        "Renew it, and reload Postfix. Where certbot looks after it: “certbot renew”, "
        "and see why its timer did not."
    )


def opened(pair: Pair) -> tuple[list[x509.Certificate], x509.Certificate]:
    """The whole chain and its first, which fits the key. Raises Bad."""
    try:
        chain = x509.load_pem_x509_certificates(pair.certificates)
        leaf = chain[0]
        shown = leaf.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
    except (ValueError, UnsupportedAlgorithm):
        said = f"The certificate in {pair.where} is damaged: it cannot be read."
        raise Bad(said, "Copy it anew.") from None
    try:
        key = load_pem_private_key(pair.key, None).public_key()
        held = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except TypeError:
        said = f"The key in {pair.key_file} is locked with a passphrase."
        raise Bad(said, "Postfix cannot type one. Store the key without it.") from None
    except (ValueError, UnsupportedAlgorithm):
        said = f"The key in {pair.key_file} is damaged: it cannot be read."
        raise Bad(said, "Copy it anew.") from None
    if held != shown:
        said = f"The key in {pair.key_file} is not that of the certificate {pair.where}"
        remedy = "Name the key the certificate was made for; its own comes first."
        raise Bad(f"{said}.", remedy)
    return chain, leaf


def unsafe(path: Path) -> Iterator[Check]:
    """A key that everybody on this machine may read."""
    real = path.resolve()
    inside = all(each.stat().st_mode & stat.S_IXOTH for each in real.parents)
    if real.stat().st_mode & stat.S_IROTH and inside:
        sentence = f"Everybody on this machine may read the key in {path}."
        yield warning(sentence, "Let root alone read it.", f"chmod 600 {real}")


def unnamed(leaf: x509.Certificate, pair: Pair, name: str) -> Iterator[Check]:
    """A certificate for another name than the server's own."""
    names = names_of(leaf)
    if any(covers(each, name) for each in names):
        return
    told = ", ".join(quoted(each)[1:-1] for each in names[:5]) or "no host at all"
    yield warning(
        f"The certificate {pair.where} is for {told}, not for {name}.",
        "People have to enter a name that it names as their outgoing server, or mail "
        f"programs warn. Otherwise get one that names {name}.",
    )


def names_of(leaf: x509.Certificate) -> list[str]:
    """The host names a certificate is for; mail programs read no others."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return found.value.get_values_for_type(x509.DNSName)


def covers(pattern: str, name: str) -> bool:
    """Whether a name of a certificate is a host's (RFC 6125: `*` is one label)."""
    pattern, name = pattern.lower(), name.lower().rstrip(".")
    head, _, rest = name.partition(".")
    return pattern == name or (bool(head) and pattern == f"*.{rest}" and "." in rest)


def unknown(chain: list[x509.Certificate], pair: Pair) -> Iterator[Check]:
    """One that no authority signed whom this machine knows."""
    leaf, last = chain[0], chain[-1]
    if leaf.issuer == leaf.subject:
        yield warning(
            f"The certificate {pair.where} is signed by itself, so every mail program "
            "warns of it.",
            GET_ONE,
        )
    elif not {last.issuer.public_bytes(), last.subject.public_bytes()} & roots():
        issuer = quoted(last.issuer.rfc4514_string())[1:-1]
        yield warning(
            f"This machine knows nobody named {issuer}, who signed the certificate "
            f"{pair.where}.",
            "Where that is not an authority of your own, the certificates between it "
            "and its authority are missing: put them after it, in the same file.",
        )


def roots() -> set[bytes]:
    """The names of the authorities this machine trusts; none without their file."""
    path = ssl.get_default_verify_paths().cafile or "/etc/pki/tls/certs/ca-bundle.crt"
    try:
        return trusted(path, os.stat(path).st_mtime_ns)  # noqa: PTH116
    except (OSError, ValueError):
        return set()


@lru_cache(maxsize=1)
def trusted(path: str, changed: int) -> set[bytes]:
    """The same from one file, read anew when it has changed."""
    del changed
    found = x509.load_pem_x509_certificates(Path(path).read_bytes())
    return {each.subject.public_bytes() for each in found}


def warning(sentence: str, remedy: str, command: str = "") -> Check:
    """Something about the certificate that no step has to wait for."""
    return Check("certificate", Level.WARNING, sentence, remedy, command)
