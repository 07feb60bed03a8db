"""How long a campaign is: at full size in `make soak`, a twentieth in `make test`."""

import os

__all__ = ["full"]


def full(size: int) -> int:
    """`size` with MAILGUARD_SOAK=1, a twentieth of it otherwise."""
    return size if os.environ.get("MAILGUARD_SOAK") == "1" else max(1, size // 20)
