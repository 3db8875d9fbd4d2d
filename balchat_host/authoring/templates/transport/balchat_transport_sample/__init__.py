"""Carries envelopes over streams of its own."""
