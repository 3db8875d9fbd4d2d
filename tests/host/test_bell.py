"""A bell: whoever takes the next ring before looking misses nothing."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from trio.testing import MockClock

from balchat_host.api.bell import Bell

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "trio", {"clock": MockClock(autojump_threshold=0)}


async def test_everybody_who_waits_is_woken() -> None:
    bell, woken = Bell(), []

    async def wait(number: int) -> None:
        await bell.next_ring().wait()
        woken.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(wait, number)
        await anyio.wait_all_tasks_blocked()
        bell.ring()
    assert sorted(woken) == [0, 1, 2]


async def test_a_ring_between_looking_and_waiting_counts() -> None:
    bell = Bell()
    ring = bell.next_ring()
    bell.ring()
    with anyio.fail_after(1):
        await ring.wait()


async def test_a_ring_that_nobody_waits_for_is_forgotten() -> None:
    bell = Bell()
    bell.ring()
    with anyio.move_on_after(1) as scope:
        await bell.next_ring().wait()
    assert scope.cancelled_caught
