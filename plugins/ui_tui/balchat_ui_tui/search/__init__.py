"""Search in the messages."""
