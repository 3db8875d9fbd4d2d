"""Keeps the vault in a plain SQLite file, unencrypted."""
