"""The seal under which keys stand in the database, and in checkpoints.

It is a file of mailguard's home that only its owner may read, made when it is first
needed. Without it what was sealed is lost: the keys have to be typed again.
"""

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from postfixconf.errors import FileFailed, HostError

__all__ = ["FileSeal", "seal"]

NAME = "list_keys.seal"


class FileSeal:
    """Closes and opens with the secret in a file. Raises FileFailed, HostError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def close(self, data: bytes) -> bytes:
        """The bytes, sealed."""
        return self._cipher(make=True).encrypt(data)

    def open(self, data: bytes) -> bytes:
        """What was sealed."""
        try:
            return self._cipher(make=False).decrypt(data)
        except InvalidToken:
            reason = f"{self._path} is not the seal that it was closed with"
            raise HostError(reason) from None

    def _cipher(self, *, make: bool) -> Fernet:
        try:
            if make and not self._path.exists():
                made_once(self._path)
            return Fernet(self._path.read_bytes().strip())
        except OSError as cause:
            raise FileFailed(str(self._path), cause) from cause
        except ValueError:
            raise FileFailed(str(self._path), OSError("is damaged")) from None


def made_once(path: Path) -> None:
    """Make the file, whole or not at all; of two who try, one wins.

    It belongs to whoever owns the directory: the pages may run without privileges, and
    the worker, who may read anything, may have come first.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            if os.geteuid() == 0:
                owner = path.parent.stat()
                os.fchown(handle, owner.st_uid, owner.st_gid)
            os.fsync(handle)
        try:
            os.link(beside, path)
        except FileExistsError:
            return
    finally:
        beside.unlink()


def seal() -> FileSeal:
    """The seal of this mailguard."""
    return FileSeal(Path(settings.HOME) / NAME)
