"""A control connection that nobody waits for any more is closed."""

import gc
import threading
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from anyio import to_thread
from balchat_network_tor.connecting import connected
from balchat_network_tor.control import Control

from balchat_host.api.errors import TorControlRefused

pytestmark = pytest.mark.anyio


class Opened:
    """Stands for a control connection."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


async def test_what_is_made_after_whoever_waited_was_cancelled_is_closed() -> None:
    """It kept its socket, which the garbage collector found in whichever test came later."""
    begun, go, opened = threading.Event(), threading.Event(), Opened()

    def connect() -> Control:
        begun.set()
        go.wait(30)
        return cast("Any", opened)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connected, connect)
        await to_thread.run_sync(begun.wait, 30)
        tasks.cancel_scope.cancel()
    assert not opened.closed.is_set()
    go.set()
    assert await to_thread.run_sync(opened.closed.wait, 30)


async def test_what_somebody_waits_for_is_theirs() -> None:
    opened = Opened()
    assert await connected(lambda: cast("Any", opened)) is cast("Any", opened)
    assert not opened.closed.is_set()


def test_a_socket_at_which_nothing_answers_is_closed(tmp_path: Path) -> None:
    """tor may end in the moment in which we connect. What is left open is found by the garbage collector."""
    with pytest.raises(TorControlRefused, match="nothing answers there"):
        Control.connect(tmp_path / "control")
    gc.collect()
