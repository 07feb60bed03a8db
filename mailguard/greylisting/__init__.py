"""Greylisting: the service postgrey, how it is set, and who is kept waiting."""
