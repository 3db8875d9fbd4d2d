"""The store that comes with the relay: one SQLite database."""
