"""Small screens on top of the main one, in which something is chosen from a list, by words or by arrows."""
