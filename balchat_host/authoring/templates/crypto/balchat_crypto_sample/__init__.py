"""Encrypts messages."""
