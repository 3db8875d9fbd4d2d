"""HTTP and WebSocket: docs/spec/relay.md over asyncio, httptools and aiohttp."""
