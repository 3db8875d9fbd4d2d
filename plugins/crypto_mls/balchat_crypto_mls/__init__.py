"""The balchat crypto engine: MLS (RFC 9420) through mls-rs-py, stateless between transactions."""
