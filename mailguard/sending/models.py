"""What sending keeps."""

from mailguard.sending.network_models import NetworkNote
from mailguard.sending.readiness_models import Opening, Readiness

__all__ = ["NetworkNote", "Opening", "Readiness"]
