"""HTTP and WebSocket: docs/spec/relay.md over aiohttp."""
