"""What a front end is: an object inside the account's process, a connector to it, or a program."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anyio.abc import TaskStatus

from balchat_host.api.frontend.app import App
from balchat_host.api.frontend.profiles import AppConnection
from balchat_host.api.programs import Profiles
from balchat_host.api.types import ServiceState


class FrontEnd(ABC):
    """A front end that runs inside the process that holds the account."""

    @abstractmethod
    async def run(self, app: App, *, task_status: TaskStatus[None]) -> None:
        """Serve until cancelled. Calls `task_status.started()` when it can be used.

        Called once for each object: where it raises or returns, the factory makes another one, after a while.
        """


def _nobody(state: ServiceState) -> None:
    """Take no notice of a state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndContext:
    """What the host gives a front end.

    `runtime_directory` is private (0700), this account's own, on this machine only, and short enough for a socket with
    a name of up to 19 octets in it. `profile` is the account's directory. What a front end keeps in either is not
    encrypted: neither a file nor its name tells of people, by names, ids or contents. What must be remembered of them
    is in the account.

    The system may empty the runtime directory while the account is up, as many do at logout. Whoever finds that what
    it had put there is gone calls `make_runtime_directory`, in a worker thread: it gives the directory to use from then
    on, made where it is absent, and tells the account's clients of it. Raises BadInput where none can be made.
    """

    profile: Path
    runtime_directory: Path
    make_runtime_directory: Callable[[], Path] | None = None
    """None for a client."""
    on_state: Callable[[ServiceState], None] = _nobody
    """Takes how the front end is, where there is more to say than that it runs: `balchat status` shows it."""


Connector = Callable[[FrontEndContext, object], Awaitable[AppConnection | None]]
"""Finds the `App` of a running account: gives None where none runs, raises where one runs and cannot be used."""

Program = Callable[[Profiles, Sequence[str]], int]
"""A front end that a person starts.

Takes the profiles and the command line after the program's name; gives the exit code.
"""
