"""The one exception of the web application itself."""

__all__ = ["NotNow"]


class NotNow(Exception):
    """Why something cannot be asked for now, as a sentence for the page."""
