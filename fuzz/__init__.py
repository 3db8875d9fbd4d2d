"""Feeds hand-made and mutated bytes to what others can reach: `python -m fuzz --help`."""
