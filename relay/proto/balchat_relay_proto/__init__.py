"""The protocol of balchat's relays, without any I/O. docs/spec/relay.md specifies it."""
