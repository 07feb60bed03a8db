"""The certificate that Postfix would show: good, and bad in every way."""

import os
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from postfixconf.host.readiness.certificate import certificate, covers
from postfixconf.host.readiness.check import Check, Level
from postfixconf.host.readiness.settings import Settings
from tests.support.certificates import CA, DAY, HOST, Made, issue, key, key_pem, write

OK, WARNING, HINDRANCE = Level.OK, Level.WARNING, Level.HINDRANCE
Look = Callable[..., list[Check]]


@pytest.fixture(autouse=True)
def _known_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine trusts CA."""
    monkeypatch.setenv("SSL_CERT_FILE", write(tmp_path / "ca.pem", CA().pem))
    assert ssl.get_default_verify_paths().cafile == str(tmp_path / "ca.pem")
    yield


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """What is said of files with these bytes."""

    def looked(
        cert: bytes | None, held: bytes | None = None, mode: int = 0o600, **more: str
    ) -> list[Check]:
        values = {"smtpd_tls_cert_file": f"{tmp_path}/cert.pem", **more}
        values.setdefault("smtpd_tls_key_file", f"{tmp_path}/key.pem")
        if cert is not None:
            write(tmp_path / "cert.pem", cert, 0o644)
        if held is not None:
            write(tmp_path / "key.pem", held, mode)
        return certificate(Settings(values, {}), HOST, datetime.now(UTC))

    return looked


def one(found: list[Check]) -> Check:
    """The only thing that was said."""
    (check,) = found
    return check


def test_a_good_one_is_well(look: Look) -> None:
    made = issue()
    told = one(look(made.pem, made.key_pem))
    assert told.level is OK, told
    assert f"names {HOST}" in told.sentence


def test_key_and_certificate_may_stand_in_one_file(look: Look, tmp_path: Path) -> None:
    made = issue()
    both = made.pem + CA().pem + made.key_pem
    file = f"{tmp_path}/cert.pem"
    assert one(look(both, smtpd_tls_key_file=file))
    (tmp_path / "cert.pem").chmod(0o600)
    found = certificate(
        Settings({"smtpd_tls_cert_file": file, "smtpd_tls_key_file": file}, {}),
        HOST,
        datetime.now(UTC),
    )
    assert one(found).level is OK


def bad(made: Made) -> tuple[bytes, bytes]:
    """Both files."""
    return made.pem, made.key_pem


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (lambda: bad(issue(ends=-DAY / 2)), "expired on"),
        (lambda: bad(issue(begins=DAY)), "is valid only from"),
        (lambda: (issue().pem, key_pem(key())), "is not that of the certificate"),
        (lambda: (None, key_pem(key())), "cert.pem does not exist"),
        (lambda: (issue().pem, None), "key.pem does not exist"),
        (lambda: (b"garbage\n", key_pem(key())), "There is no certificate in"),
        (lambda: (issue().pem, b"\xff\x00"), "There is no private key in"),
        (lambda: (issue().pem[:200] + issue().pem[300:], key_pem(key())), "is damaged"),
        (lambda: (issue().pem, broken(key_pem(key()))), "key.pem is damaged"),
        (lambda: (issue().pem, key_pem(key(), "secret")), "locked with a passphrase"),
        (lambda: (CA().pem + issue().pem, key_pem(key())), "is not that of"),
    ],
)
def test_a_bad_one_is_in_the_way(
    look: Look, files: Callable[[], tuple[bytes, bytes]], said: str
) -> None:
    told = one(look(*files()))
    assert told.level is HINDRANCE
    assert said in told.sentence
    assert told.remedy


def broken(pem: bytes) -> bytes:
    """A key with a line lost."""
    lines = pem.splitlines(keepends=True)
    return b"".join([*lines[:1], *lines[2:]])


def test_none_at_all_is_in_the_way(look: Look) -> None:
    for nothing in ("", "none"):
        told = one(look(None, smtpd_tls_cert_file=nothing))
        assert told.level is HINDRANCE
        assert "Postfix has no certificate" in told.sentence


def test_a_file_that_cannot_be_read_is_in_the_way(look: Look, tmp_path: Path) -> None:
    made = issue()
    look(made.pem, made.key_pem)
    tmp_path.chmod(0o755)
    for above in tmp_path.parents[:3]:
        above.chmod(above.stat().st_mode | 0o055)
    os.seteuid(65534)
    try:
        told = one(look(None))
    finally:
        os.seteuid(0)
    assert told.level is HINDRANCE
    assert "key.pem cannot be read: Permission denied" in told.sentence


def test_a_directory_is_no_certificate(look: Look, tmp_path: Path) -> None:
    told = one(look(None, smtpd_tls_cert_file=str(tmp_path)))
    assert "cannot be read: Is a directory" in told.sentence


def test_a_relative_path_is_in_the_way(look: Look) -> None:
    told = one(look(None, smtpd_tls_cert_file="cert.pem"))
    assert "'cert.pem' is not absolute" in told.sentence


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: issue(ends=5 * DAY), "in 4 days"),
        (lambda: issue(names=("www.example.com",)), "is for www.example.com, not for"),
        (lambda: issue(names=()), "is for no host at all"),
        (lambda: issue(itself=True), "signed by itself"),
    ],
)
def test_a_doubtful_one_is_warned_of(
    look: Look, made: Callable[[], Made], said: str
) -> None:
    held = made()
    told = one(look(held.pem, held.key_pem))
    assert told.level is WARNING
    assert said in told.sentence


def test_a_missing_one_in_between_is_warned_of(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, other = issue(), issue(itself=True, common_name="Other CA", names=())
    monkeypatch.setenv("SSL_CERT_FILE", write(tmp_path / "other.pem", other.pem))
    told = one(look(made.pem, made.key_pem))
    assert "knows nobody named CN=Practice CA" in told.sentence
    assert "are missing" in told.remedy


def test_a_key_that_everybody_may_read_is_warned_of(look: Look, tmp_path: Path) -> None:
    made = issue()
    for above in (tmp_path, *tmp_path.parents[:3]):
        above.chmod(above.stat().st_mode | 0o055)
    told = one(look(made.pem, made.key_pem, 0o644))
    assert told.level is WARNING
    assert told.command == f"chmod 600 {tmp_path}/key.pem"
    tmp_path.chmod(0o700)  # nobody gets there
    assert one(look(made.pem, made.key_pem, 0o644)).level is OK


def test_chain_files_go_before_the_older_parameters(tmp_path: Path) -> None:
    first, second = issue(), issue(names=("*.practice.test",))
    whole = write(tmp_path / "a.pem", first.key_pem + first.pem + CA().pem)
    held = write(tmp_path / "key.pem", second.key_pem)
    cert = write(tmp_path / "cert.pem", second.pem)
    values = {
        "smtpd_tls_chain_files": f"{whole}, {held} {cert}",
        "smtpd_tls_cert_file": "/nowhere",
    }
    found = certificate(Settings(values, {}), HOST, datetime.now(UTC))
    assert [each.level for each in found] == [OK, OK]


def test_a_chain_file_begins_with_its_key(tmp_path: Path) -> None:
    made = issue()
    whole = write(tmp_path / "a.pem", made.pem + made.key_pem)
    values = {"smtpd_tls_chain_files": whole}
    told = one(certificate(Settings(values, {}), HOST, datetime.now(UTC)))
    assert told.level is HINDRANCE
    assert "begins with a certificate" in told.sentence


def test_a_service_has_a_certificate_of_its_own(tmp_path: Path) -> None:
    made = issue()
    cert = write(tmp_path / "own.pem", made.pem + made.key_pem)
    values = {"smtpd_tls_cert_file": "/nowhere", "smtpd_tls_key_file": "/nowhere"}
    own = Settings(values, {"smtpd_tls_cert_file": cert})
    assert one(certificate(own, HOST, datetime.now(UTC))).level is OK


def test_a_wildcard_is_one_label() -> None:
    assert covers("*.example.com", "Mail.Example.com")
    assert not covers("*.example.com", "a.b.example.com")
    assert not covers("*.example.com", "example.com")
    assert not covers("*.com", "example.com")


def test_the_days_that_are_left_are_counted(look: Look) -> None:
    made = issue(ends=timedelta(days=15))
    assert one(look(made.pem, made.key_pem)).level is OK
