"""One conversation: its messages, and what is being written. State and updates know no terminal."""
