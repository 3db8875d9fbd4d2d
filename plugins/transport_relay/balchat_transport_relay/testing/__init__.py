"""For tests of whoever talks to relays."""
