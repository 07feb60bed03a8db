"""postgrey: its settings, its whitelists, and the published list."""
