"""Messages of people: written, received, shown, read."""
