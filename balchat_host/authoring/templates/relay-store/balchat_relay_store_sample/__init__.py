"""Keeps what lies at a relay."""
