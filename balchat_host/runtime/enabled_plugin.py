"""An enabled plugin, whichever object of it runs now.

Network, transports and front ends fail and are made again (`plugin_supervisor`). What uses them holds an
`EnabledPlugin` instead of the plugin's object: it is there for as long as the account is up, and hands each call to the
object that runs now. An exception that the plugin's contract does not know is that plugin's failure: its type is
logged, and the caller goes on as if the plugin could not do it now.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, Protocol, TypeVar

from anyio.abc import TaskStatus

from balchat_host.api.errors import BalchatError, NetworkUnavailable
from balchat_host.api.failures import contain
from balchat_host.api.types import ServiceState
from balchat_host.runtime.in_flight_calls import ObjectEnded, OpenCalls
from balchat_host.runtime.plugin_setups import PluginSetup

ObjectT = TypeVar("ObjectT")
T = TypeVar("T")

_REMEDY: Final = "`balchat status` shows why."


class Run(Protocol):
    """The `run` of a plugin's object."""

    def __call__(self, *, task_status: TaskStatus[None]) -> Awaitable[None]: ...


class EnabledPlugin(ABC, Generic[ObjectT]):
    """One enabled plugin. `show` is told how it is."""

    def __init__(self, setup: PluginSetup[Any], show: Callable[[str, ServiceState], None]) -> None:
        self.name = setup.name
        self.origin = setup.origin
        self.reported = False
        """Whether the present object has told how it is."""
        self.starting = True
        """Whether there may soon be an object that can be used."""
        self._show = show
        self._calls = OpenCalls()
        self._generation = 0
        self._made: ObjectT | None = None
        self._object: ObjectT | None = None

    # -- for its supervisor

    def make(self) -> Run:
        """Make a new object by the plugin's factory; return its `run`. Raise what the factory raises."""
        self.starting = True

        def on_state(state: ServiceState) -> None:
            # What an object says after its end is not heard.
            if current == self._generation:
                self.reported = True
                self.show(state)

        self._generation += 1
        current = self._generation
        self._made = made = self._make(on_state)
        return self._run_of(made)

    async def begin(self) -> None:
        """Put the present object to use: it has called `started()`."""
        assert self._made is not None, "it has been made"
        await self._prepare(self._made)
        self._object = self._made
        self._came_up()

    async def end(self) -> None:
        """Clear what is left of the present object, which has ended. Called once for each `make`."""
        self._generation += 1
        self._made = self._object = None
        self.starting = False
        self._calls.end()
        await self._clear()

    def gives_up(self, error: BaseException) -> bool:
        """Take note of an exception that ended the present object; return whether waiting cannot mend it."""
        del error
        return False

    def show(self, state: ServiceState) -> None:
        """Have the status show how the plugin is."""
        self._show(self.name, state)

    # -- for its callers

    @property
    def runs(self) -> bool:
        """Whether there is an object that can be used."""
        return self._object is not None

    async def call(
        self,
        call: Callable[[ObjectT], Awaitable[T]],
        *,
        known: type[BalchatError] | tuple[type[BalchatError], ...] = BalchatError,
        failed: Callable[[BaseException], BalchatError] | None = None,
    ) -> T:
        """Return what a call of the present object returns.

        Raise `known` errors as they are, and NetworkUnavailable where no object runs or it ends meanwhile. Any other
        exception is the plugin's failure: raise what `failed` returns for it, or NetworkUnavailable.
        """
        if self._object is None:
            raise self._absent()
        present = self._object
        try:
            return await self._calls.wait_for(lambda: call(present))
        except known:
            raise
        except ObjectEnded as error:
            raise self._absent() from error
        except BaseException as error:
            ours = self._failed(error)
            raise (ours if failed is None else failed(error)) from error

    def _absent(self) -> NetworkUnavailable:
        return NetworkUnavailable(problem=f"{self.name} does not run", remedy=_REMEDY)

    def _failed(self, error: BaseException) -> NetworkUnavailable:
        """Log a failure; return the error for the caller. Raise cancellation and Ctrl-C again."""
        contain(f"{self.name} ({self.origin})", error)
        return NetworkUnavailable(problem=f"{self.name} failed", remedy=_REMEDY)

    # -- what differs from one kind of plugin to another

    @abstractmethod
    def _make(self, on_state: Callable[[ServiceState], None]) -> ObjectT:
        """Make a new object. `on_state` is where it tells how it is."""

    @abstractmethod
    def _run_of(self, made: ObjectT) -> Run:
        """Return the `run` of an object."""

    async def _prepare(self, made: ObjectT) -> None:
        """Do what comes before an object that has started can be used."""

    def _came_up(self) -> None:  # not every plugin has something to do then
        """Take note that an object can be used."""

    async def _clear(self) -> None:
        """Do what comes after an object's end."""
