"""For tests of clients of relays."""
