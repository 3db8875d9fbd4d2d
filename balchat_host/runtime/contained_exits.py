"""A `sys.exit()` in a task of a plugin's fails that task. asyncio would end its loop, and the account with it.

trio raises it where the task's nursery ends, like any other exception; asyncio raises it out of the loop at once
(`asyncio.Task` treats SystemExit and KeyboardInterrupt so), past everything that contains failures.
"""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, cast

import anyio

from balchat_host.api.failures import CalledExit


@contextmanager
def contained_exits() -> Generator[None]:
    """Turn the SystemExit of a task that begins inside the block into CalledExit."""
    if anyio.get_cancelled_exc_class() is not asyncio.CancelledError:
        yield
        return
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()

    def new_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> Any:
        guarded = _Guarded(coroutine)
        return asyncio.Task(guarded, loop=loop, **more) if before is None else before(loop, guarded, **more)

    loop.set_task_factory(new_task)
    try:
        yield
    finally:
        loop.set_task_factory(before)


class _Guarded(Coroutine[Any, Any, Any]):
    """A coroutine in all but its exit. Not an `async def`: one that never begins would leave the inner one behind."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    def send(self, value: Any) -> Any:
        try:
            return self._coroutine.send(value)
        except SystemExit as error:
            raise CalledExit from error

    def throw(
        self,
        kind: type[BaseException] | BaseException,
        value: BaseException | object = None,
        trace: TracebackType | None = None,
        /,
    ) -> Any:
        error = kind if isinstance(kind, BaseException) else cast("BaseException", value or kind())
        try:
            return self._coroutine.throw(error if trace is None else error.with_traceback(trace))
        except SystemExit as exit_:
            raise CalledExit from exit_

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    def __getattr__(self, name: str) -> Any:
        # What looks at coroutines from outside (`inspect.getcoroutinestate`) sees the inner one.
        return getattr(self._coroutine, name)
