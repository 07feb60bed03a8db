"""The published whitelist: when it is fetched, and each time it was."""

from mailguard.greylisting.refresh_models import Refresh, Schedule

__all__ = ["Refresh", "Schedule"]
