"""Envelopes from onion to onion: one authenticated stream for each pair of contacts."""
