"""Waiting for what is expected, without sleeping and without trusting that it comes."""

import math
import os
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, Generic, Protocol, TypeVar

import anyio
from anyio.abc import TaskStatus
from trio.lowlevel import current_clock
from trio.testing import MockClock

from balchat_host.api.frontend import App
from balchat_host.api.types import Phase, ServiceState

PATIENCE: Final = float(os.environ.get("BALCHAT_TEST_PATIENCE", "60"))
"""Seconds after which a test says that something never came. Set the variable where 60 are too few, or too many."""

VIRTUAL_TIME: Final = ("trio", {"clock": MockClock(autojump_threshold=0)})
"""A backend of anyio whose clock goes on as soon as everybody waits for it."""

_in_real_time: Final[Counter[MockClock]] = Counter()
"""For how many who work outside of the event loop a clock goes as real ones do."""

ItemT = TypeVar("ItemT")
T = TypeVar("T")


class Runs(Protocol):
    """A network, a transport: something with a `run`."""

    async def run(self, *, task_status: TaskStatus[None]) -> None: ...


@contextmanager
def in_real_time() -> Generator[None]:
    """Have a clock like that of `VIRTUAL_TIME` go as real ones do while a worker thread works.

    It sees that everybody waits, and not that the thread is not done; so it would jump past the time that it is given.
    """
    clock = None
    with suppress(RuntimeError):  # it is not trio that runs
        clock = current_clock()
    if not isinstance(clock, MockClock) or not (clock.autojump_threshold < math.inf or _in_real_time[clock]):
        yield
        return
    if not _in_real_time[clock]:
        clock.autojump_threshold, clock.rate = math.inf, 1.0
    _in_real_time[clock] += 1
    try:
        yield
    finally:
        _in_real_time[clock] -= 1
        if not _in_real_time[clock]:
            del _in_real_time[clock]
            clock.autojump_threshold, clock.rate = 0.0, 0.0


@contextmanager
def unwrapped() -> Generator[None]:
    """Raise what failed alone without the group of its task group: pytest shows its line and its values only so."""
    alone: BaseException | None = None
    try:
        yield
    except BaseExceptionGroup as group:
        alone, *others = group.exceptions
        if others:
            raise
    if alone is not None:
        context = alone.__context__
        try:
            raise alone
        finally:
            alone.__context__ = context  # not the group


@asynccontextmanager
async def running(*services: Runs) -> AsyncGenerator[None]:
    """Run them until the block ends, then cancel them and wait for their end. Raise TimeoutError."""
    with unwrapped():
        async with anyio.create_task_group() as tasks:
            for service in services:
                with anyio.move_on_after(PATIENCE) as patience:
                    await tasks.start(service.run)
                if patience.cancelled_caught:
                    raise TimeoutError(f"{type(service).__name__}.run has not called task_status.started()")
            yield
            tasks.cancel_scope.cancel()


@asynccontextmanager
async def closing(stream: AsyncIterator[T]) -> AsyncGenerator[AsyncIterator[T]]:
    """Close a stream at the end, if it is of those that can be closed."""
    try:
        yield stream
    finally:
        close: Callable[[], Awaitable[None]] | None = getattr(stream, "aclose", None)
        if close is not None:
            await close()


async def until_true(app: App, condition: Callable[[], Awaitable[object]], *, patience: float = PATIENCE) -> None:
    """Wait until an asynchronous condition holds; it is looked at again whenever something has changed in `app`.

    `patience` is in seconds. Raise TimeoutError.
    """

    async def look_at_each(stream: AsyncIterator[object]) -> None:
        async with closing(stream) as changes:
            async for _ in changes:
                if await condition():
                    tasks.cancel_scope.cancel()

    with anyio.fail_after(patience):
        async with anyio.create_task_group() as tasks:
            for stream in (app.status.watch(), app.events.ephemeral()):
                tasks.start_soon(look_at_each, stream)


class Seen(Generic[ItemT]):
    """Everything that was told, in order; a test waits until what it expects is among it."""

    def __init__(self) -> None:
        self.all: list[ItemT] = []
        self._changed = anyio.Event()

    def __call__(self, item: ItemT) -> None:
        self.all.append(item)
        self._changed.set()
        self._changed = anyio.Event()

    async def until(self, condition: Callable[[list[ItemT]], bool], *, patience: float = PATIENCE) -> list[ItemT]:
        """Wait until `condition` holds for all that was told, and give that. Raise TimeoutError with what was."""
        with anyio.move_on_after(patience):
            while not condition(self.all):
                await self._changed.wait()
            return list(self.all)
        raise TimeoutError(f"it never came; what came: {self.all}")


class SeenStates(Seen[ServiceState]):
    """The states that a service reported."""

    async def reach(self, phase: Phase, *, patience: float = PATIENCE) -> ServiceState:
        """Wait until the newest state is of `phase`."""
        return (await self.until(lambda states: bool(states) and states[-1].phase is phase, patience=patience))[-1]
