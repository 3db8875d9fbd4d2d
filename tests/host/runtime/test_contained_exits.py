"""`sys.exit()` in a task of a plugin's ends that task, on every event loop."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.api.failures import kind_of
from balchat_host.runtime.contained_exits import contained_exits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.anyio


async def leave() -> None:
    await anyio.lowlevel.checkpoint()
    sys.exit(3)


async def leave_when_cancelled(*, task_status: anyio.abc.TaskStatus[None]) -> None:
    task_status.started()
    try:
        await anyio.sleep_forever()
    finally:
        sys.exit(3)


async def leave_beside_another() -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leave)
        tasks.start_soon(anyio.sleep_forever)


async def leave_at_the_end() -> None:
    async with anyio.create_task_group() as tasks:
        await tasks.start(leave_when_cancelled)
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("work", [leave_beside_another, leave_at_the_end])
async def test_a_task_that_exits_fails_and_the_loop_goes_on(work: Callable[[], Awaitable[None]]) -> None:
    with contained_exits(), pytest.raises(BaseExceptionGroup) as raised:
        await work()
    assert kind_of(raised.value) == "SystemExit"
    await anyio.lowlevel.checkpoint()


async def test_tasks_that_never_begin_leave_nothing_unawaited() -> None:
    with contained_exits():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(leave)
            tasks.cancel_scope.cancel()


async def test_answers_come_through() -> None:
    async def double(number: int, *, task_status: anyio.abc.TaskStatus[int]) -> None:
        task_status.started(2 * number)

    with contained_exits():
        async with anyio.create_task_group() as tasks:
            assert await tasks.start(double, 21) == 42
