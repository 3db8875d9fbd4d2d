"""HTTP and WebSocket: docs/spec/relay.md as an aiohttp application."""
