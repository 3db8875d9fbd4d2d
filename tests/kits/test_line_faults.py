"""Each fault that is planted in a transport is caught by the test of the kit that is named for it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from balchat_host.testing.transport_kit import TransportKit
from tests.kits.catching import assert_caught, caught
from tests.kits.line_bench import LineBench
from tests.kits.line_faults import FAULTS, Faulty

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    socket.setdefaulttimeout(None)
    for left in Faulty.ended:
        match left:
            case threading.Event():
                left.set()
            case socket.socket():
                left.close()
            case Path():
                left.unlink(missing_ok=True)
            case str():
                del os.environ[left]
            case ("folder", path):
                os.chdir(path)
            case (number, handler):
                signal.signal(number, handler)
            case _:
                assert isinstance(left, asyncio.Task)  # it ended with its loop
    Faulty.ended.clear()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(fault: type[Faulty]) -> None:
    assert_caught(TransportKit, fault, lambda: LineBench(fault))


@pytest.mark.parametrize(("name", "audited"), sorted({(fault.caught_by, fault.audited) for fault in FAULTS}))
def test_without_a_fault_nothing_is_caught(name: str, audited: bool) -> None:
    sound = type("Sound", (Faulty,), {"caught_by": name, "audited": audited})
    assert caught(TransportKit, sound, lambda: LineBench(sound)) == []
