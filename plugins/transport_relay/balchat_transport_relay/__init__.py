"""Envelopes for people who are away, left at relays. The law of the wire is docs/spec/relay.md."""
