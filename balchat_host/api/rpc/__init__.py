"""What an account is asked by programs that are no part of its process: every call of `App` as JSON-RPC.

`description` has the methods, read off the contract; `values` converts what they take and give; `protocol` has the
messages; `Session` serves one client over a `Channel`, which carries lines and the octets that follow them. The local
socket is one channel; a WebSocket to a page may be another. They speak the same language, which docs/rpc.md has.
"""
