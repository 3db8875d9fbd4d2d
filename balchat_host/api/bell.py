"""A bell that any number of tasks can wait for."""

import anyio


class Bell:
    """Wakes every task that waits when it rings. A ring that nobody waits for is not remembered.

    So look, and then wait, with nothing awaited in between. Where something is awaited, call `next_ring()` before you
    look, and wait for what it returned.
    """

    def __init__(self) -> None:
        self._next: anyio.Event | None = None

    def ring(self) -> None:
        """Wake every task that waits."""
        if self._next is not None:
            self._next.set()
            self._next = None

    def next_ring(self) -> anyio.Event:
        """Return the event that the next ring sets."""
        if self._next is None:
            self._next = anyio.Event()
        return self._next

    async def wait(self) -> None:
        """Wait for the next ring."""
        await self.next_ring().wait()
