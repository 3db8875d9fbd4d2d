"""What an account does: synchronous functions on a transaction, and nothing else.

Rules
-----
- Every function that changes something takes a `UnitOfWork` (one transaction, the crypto engine, the time, chance) and
  leaves behind rows and effects. It does no I/O, asks no clock and waits for nothing.
- A function that only reads takes a `ReadTransaction`.
- Effects are plain values that the runtime carries out after the commit. So a ciphertext leaves only once the
  ratchet step that made it is on the disk.
- Whatever a stranger can make grow has a limit here.

Where things are:

- what every function gets: `unit_of_work`; the tables: `schema`, what stands in them: `rows`, how front ends see it:
  `views` (docs/data-model.md)
- who there is: `account`, `peers`, `contacts`; how they come to be contacts: `first_contact`; how they reach each
  other: `routes`; our KeyPackages in the hands of others: `key_package_pool`
- where they talk: `conversations`, `membership`, and `eras`, the MLS groups that carry them; what they say: `messages`
- what leaves: `delivery`; what arrives: `inbox`, what that may cost: `envelope_budgets`, which of it failed
  unexpectedly and may come again: `envelope_retries`
- what front ends are told: `event_log`; how an account goes on from a backup: `after_restore`; what keeps all of it
  from growing: `rate_limits`, `housekeeping`
- the formats: `envelope`, `content`, `identifiers`; what people read and type: `chat_codes`, `names`, `safety`, with
  `characters`, `confusables` and `key_lookalikes`
"""
