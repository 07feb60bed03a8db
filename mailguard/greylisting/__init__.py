"""Greylisting: the service postgrey, its settings, its lists, and who waits."""
