"""The first page, and what every header shows."""
