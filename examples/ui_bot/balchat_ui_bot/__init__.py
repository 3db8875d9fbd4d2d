"""Answers every ping."""
