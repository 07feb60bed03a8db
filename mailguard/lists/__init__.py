"""Whom to let in and whom to keep out: allow and deny entries."""
