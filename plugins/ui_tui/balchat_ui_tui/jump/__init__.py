"""Ways to somewhere else: another conversation, another day."""
