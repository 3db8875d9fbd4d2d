"""What an account does: synchronous functions on a transaction, and nothing else.

Rules
-----
- Every function that changes something takes a `UnitOfWork` (one transaction, the crypto engine, the time, chance) and
  leaves behind rows and effects. It does no I/O, asks no clock and waits for nothing.
- A function that only reads takes a `ReadTransaction`.
- Effects are plain values that the runtime carries out after the commit. So a ciphertext leaves only once the
  ratchet step that made it is on the disk.
- Whatever a stranger can make grow has a limit here.

Where things are: `unit_of_work` what every function gets; `schema` the tables, `rows` and `views` what stands in them
and how front ends see it; `codes`, `names` and `safety` what people read and type, with `characters`, `lookalikes` and
`key_spellings`; `envelope` and `content` the wire formats; `account`, `contacts`, `requests`, `messages` what
people do; `asking` and `handshake` how two accounts come to share a group, and `groups` which one they use; `routes`
how they reach each other; `inbox` what arrives, `budgets` what that may cost, and `failed_envelopes` which of it failed
unexpectedly; `outbox` what waits to leave, `requeue` what leaves again, and `progress` how far it has come;
`key_package_pool` our KeyPackages at relays; `restoring` how an account goes on from a backup; `event_log` what front
ends are told; `limits` and `housekeeping` what keeps all of it from growing.
"""
