"""The relay: an aiohttp server over a QueueStore, behind its own onion. The law of its wire is docs/spec/relay.md."""
