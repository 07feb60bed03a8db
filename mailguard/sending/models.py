"""What sending keeps."""

from mailguard.sending.readiness_models import Opening, Readiness

__all__ = ["Opening", "Readiness"]
