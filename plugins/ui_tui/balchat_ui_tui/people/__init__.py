"""Contacts: add one, answer requests, verify, show one's own code, and what can be done with a contact."""
