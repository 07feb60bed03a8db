"""What puts load on a practice server, measures it, or photographs it."""
