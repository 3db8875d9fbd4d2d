"""A web page on this machine for a balchat account."""
