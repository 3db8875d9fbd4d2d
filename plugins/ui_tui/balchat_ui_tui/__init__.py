"""A terminal screen for a balchat account."""
