"""A bell that any number of tasks can wait for."""

import anyio


class Signal:
    """Wakes everybody who waits at the moment it rings; rings that nobody waits for are not remembered.

    To miss nothing, take `next_ring()` first, look at the state, and then wait for it.
    """

    def __init__(self) -> None:
        self._event = anyio.Event()

    def ring(self) -> None:
        """Wake everybody who waits."""
        self._event.set()
        self._event = anyio.Event()

    def next_ring(self) -> anyio.Event:
        """Give what the next ring will set."""
        return self._event
