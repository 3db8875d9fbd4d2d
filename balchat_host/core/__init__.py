"""What an account does: synchronous functions on a transaction, and nothing else.

Rules
-----
- Every function that changes something takes a `Unit` (one transaction, the crypto engine, the time, chance) and
  leaves behind rows and effects. It does no I/O, asks no clock and waits for nothing.
- A function that only reads takes a `ReadTransaction`.
- Effects are plain values that the runtime carries out after the commit. So a ciphertext leaves only once the
  ratchet step that made it is on the disk.
- Whatever a stranger can make grow has a limit here.

Where things are: `unit` what every function gets; `schema` the tables; `codes` chat codes; `envelope` and `content`
the wire formats; `account`, `contacts`, `requests`, `messages` what people do; `handshake` how two accounts come to
share a group; `inbox` what arrives; `outbox` what waits to leave; `journal` what front ends are told.
"""
