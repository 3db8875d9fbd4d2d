"""What failed in a test stands alone where it failed alone, so that pytest shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.testing.waiting import running

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
