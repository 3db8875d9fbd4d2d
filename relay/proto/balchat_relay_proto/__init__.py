"""The language of balchat's relays, without any I/O. The law is docs/spec/relay.md."""
