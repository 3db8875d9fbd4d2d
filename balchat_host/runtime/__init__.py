"""Everything that waits: the core's calls on the vault, its effects, sessions, retries and timers.

How it flows: a front end calls `LocalApp`, which has the `Keeper` run a core function in one transaction; the effects
that come back are carried out here. A `Courier` for each contact hands the outbox to a transport, the transport reports
through `AccountHost`, and the `Reporter` writes down what became of each envelope. News travels as events in the vault;
a `Signal` only says that there are some. The code is neutral between asyncio and trio, so that tests run in virtual
time.
"""
