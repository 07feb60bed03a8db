"""What sending keeps."""

from mailguard.sending.network_models import NetworkNote
from mailguard.sending.readiness_models import Opening, Readiness
from mailguard.sending.steps_models import Tick

__all__ = ["NetworkNote", "Opening", "Readiness", "Tick"]
