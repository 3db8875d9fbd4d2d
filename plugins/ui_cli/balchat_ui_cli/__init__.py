"""The balchat command line."""
