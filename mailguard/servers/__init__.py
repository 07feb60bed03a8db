"""The Postfix instances that mailguard looks after; today one, `local`."""
