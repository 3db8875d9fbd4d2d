"""A bell for one task that waits: a ring before the wait counts, any number of rings count once."""

import anyio


class Wakeup:
    """Rung by many, waited for by one."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def ring(self) -> None:
        """Let the waiting task go on, now or when it comes to wait."""
        self._event.set()

    async def wait(self) -> None:
        """Wait until it was rung since the last wait."""
        await self._event.wait()
        self._event = anyio.Event()
