"""Everything that waits: the core's calls on the vault, their effects, retries and timers.

How it flows: a front end calls `LocalApp`, which has the `UnitOfWorkRunner` run a core function in one transaction;
`Effects` carries out what comes back. A `DirectSender` for each contact hands the outbox to a transport, the transport
reports through its `TransportContext`, and `DeliveryReports` records what became of each envelope. News travels as
events in the vault; a `Bell` only says that there are some. The code is neutral between asyncio and trio, so that tests
run in virtual time.
"""
