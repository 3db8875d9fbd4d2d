"""A bell that any number of tasks can wait for."""

import anyio


class Bell:
    """Wakes every task that waits when it rings. A ring that nobody waits for is not remembered.

    So look, and then wait, with nothing awaited in between. Where something is awaited, call `next_ring()` before you
    look, and wait for what it returned.
    """

    def __init__(self) -> None:
        self._event = anyio.Event()

    def ring(self) -> None:
        """Wake every task that waits."""
        self._event.set()
        self._event = anyio.Event()

    def next_ring(self) -> anyio.Event:
        """Return the event that the next ring sets."""
        return self._event

    async def wait(self) -> None:
        """Wait for the next ring."""
        await self._event.wait()
