"""Control connections that are made in a worker thread, and closed also where nobody waits for them any more."""

import threading
from collections.abc import Callable

import anyio
from anyio import to_thread

from balchat_host.api.errors import TorControlRefused
from balchat_network_tor.control import Control


async def connected(connect: Callable[[], Control]) -> Control:
    """Return what `connect` makes in a worker thread. Raise what it raises.

    A tor that hangs would hold whoever is cancelled. So the thread is left alone then, and closes what it makes.
    """
    handover = _Handover(connect)
    try:
        return await to_thread.run_sync(handover.make, abandon_on_cancel=True)
    except anyio.get_cancelled_exc_class():
        if (made := handover.give_up()) is not None:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(made.close)
        raise


class _Handover:
    """One connection, on its way from the thread that makes it to whoever waits."""

    def __init__(self, connect: Callable[[], Control]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._given_up = False
        self._made: Control | None = None

    def make(self) -> Control:
        """Connect. Raise what connecting raises, and TorControlRefused where nobody waits any more."""
        control = self._connect()
        with self._lock:
            if not self._given_up:
                self._made = control
                return control
        control.close()
        raise TorControlRefused(problem="nobody waits for it any more")

    def give_up(self) -> Control | None:
        """Wait no more. Return what was made, for the caller to close."""
        with self._lock:
            self._given_up = True
            return self._made
