"""Eras: the MLS groups that carry a conversation, one after the other. The law is docs/spec/eras.md."""
