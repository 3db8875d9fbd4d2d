"""Reaches addresses."""
