"""The balchat App on a local socket: JSON-RPC 2.0, one JSON value a line."""
