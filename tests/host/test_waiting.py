"""What failed in a test stands alone where it failed alone, so that pytest shows it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import to_thread
from trio.testing import MockClock

from balchat_host.testing.waiting import in_real_time, running

if TYPE_CHECKING:
    from anyio.abc import TaskStatus

pytestmark = pytest.mark.anyio


class Service:
    async def run(self, *, task_status: TaskStatus[None]) -> None:
        task_status.started()
        await anyio.sleep_forever()


class Breaks(Service):
    async def run(self, *, task_status: TaskStatus[None]) -> None:
        task_status.started()
        raise ValueError("the service")


async def test_what_fails_alone_is_raised_alone() -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        async with running(Service(), Service()), running(Service()):
            _ = 1 / 0
    assert raised.value.__context__ is None


async def test_a_service_that_fails_is_raised_alone() -> None:
    with pytest.raises(ValueError, match="the service"):
        async with running(Breaks()):
            await anyio.sleep_forever()


async def test_several_that_fail_are_all_raised() -> None:
    with pytest.RaisesGroup(ZeroDivisionError, ValueError):
        async with running(Breaks()):
            _ = 1 / 0


def test_a_clock_that_jumps_goes_as_real_ones_do_while_worker_threads_work() -> None:
    day_is_over = anyio.Event()

    async def day_passes() -> None:
        await anyio.sleep(86_400)
        day_is_over.set()

    async def work(seconds: float) -> None:
        with in_real_time():
            await to_thread.run_sync(threading.Event().wait, seconds)
        assert not day_is_over.is_set(), "the clock has jumped"

    async def while_threads_work() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(day_passes)
            async with anyio.create_task_group() as working:
                for seconds in (0.02, 0.05):  # the clock is still a real one when the first is done
                    working.start_soon(work, seconds)
            await day_is_over.wait()  # it jumps again

    anyio.run(while_threads_work, backend="trio", backend_options={"clock": MockClock(autojump_threshold=0)})


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_real_clock_stays_one(backend: str) -> None:
    async def work() -> str:
        with in_real_time():
            return await to_thread.run_sync(str, 1)

    assert anyio.run(work, backend=backend)
