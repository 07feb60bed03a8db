"""The seal under which a checkpoint keeps what it may not show.

The library seals nothing itself: whoever applies a change brings the seal. Without one,
a change of a secret file is refused rather than copied in the clear.
"""

from typing import Protocol

from postfixconf.errors import Refusal

__all__ = ["NO_SEAL", "Seal"]


class Seal(Protocol):
    """Closes bytes so that nobody but itself can open them."""

    def close(self, data: bytes) -> bytes:
        """The bytes, sealed. Raises HostError."""

    def open(self, data: bytes) -> bytes:
        """What `close` was given. Raises HostError where it cannot be opened."""


class _NoSeal:
    """No seal at all."""

    def close(self, data: bytes) -> bytes:
        raise Refusal("there is no seal to keep a secret file under")

    open = close


NO_SEAL: Seal = _NoSeal()
