"""An end that comes, whatever plugins do.

Cancelling asks a plugin to end. One that hides from it (in a shielded scope, in a thread that it waits for) or that
blocks the event loop would keep the process, and with it the vault's lock, for as long as it likes.
"""

import threading
from collections.abc import Callable, Sequence

from balchat_host.runtime.plugin_supervisor import Supervisor


class EndLimit:
    """Calls `give_up` with the names of the plugins that have not ended `seconds` after `begin`.

    It is called in a thread of its own, since the event loop may be blocked.
    """

    def __init__(self, seconds: float, give_up: Callable[[Sequence[str]], None]) -> None:
        self._give_up = give_up
        self._supervisors: Sequence[Supervisor] = ()
        self._timer = threading.Timer(seconds, self._tell)
        self._timer.daemon = True

    def begin(self, supervisors: Sequence[Supervisor]) -> None:
        """Take note that these have been told to end."""
        self._supervisors = supervisors
        self._timer.start()

    def reached(self) -> None:
        """Take note that everything has ended."""
        self._timer.cancel()

    def _tell(self) -> None:
        self._give_up([each.name for each in self._supervisors if each.running])
