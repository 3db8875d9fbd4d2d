"""Each fault that is planted in a bot is caught by the test of the kit that is named for it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from balchat_host.testing.front_end_kit import FrontEndKit
from tests.kits import (
    front_end_answer_faults,
    front_end_event_faults,
    front_end_private_faults,
    front_end_running_faults,
    front_end_trouble_faults,
    front_end_unasked_faults,
)
from tests.kits.bot import BotBench, FaultyBot, left
from tests.kits.catching import assert_caught, caught

if TYPE_CHECKING:
    from collections.abc import Iterator

FAULTS = [
    *front_end_running_faults.FAULTS,
    *front_end_event_faults.FAULTS,
    *front_end_answer_faults.FAULTS,
    *front_end_trouble_faults.FAULTS,
    *front_end_unasked_faults.FAULTS,
    *front_end_private_faults.FAULTS,
]


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    for each in left:
        match each:
            case threading.Event():
                each.set()
            case Path():
                each.unlink(missing_ok=True)
            case _:
                assert isinstance(each, asyncio.Task)  # it ended with its loop
    left.clear()


class TestBot(FrontEndKit):
    @pytest.fixture
    def bench(self) -> BotBench:
        return BotBench()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(fault: type[FaultyBot]) -> None:
    assert_caught(FrontEndKit, fault, lambda: BotBench(fault))


@pytest.mark.parametrize(("name", "audited"), sorted({(fault.caught_by, fault.audited) for fault in FAULTS}))
def test_without_a_fault_nothing_is_caught(name: str, audited: bool) -> None:
    # Where the kit skips a test, nothing is shown: the bench promises what that test asks for.
    capabilities = {fault.caught_by: fault.capabilities for fault in FAULTS if hasattr(fault, "capabilities")}
    more = {"capabilities": capabilities[name], "attend": _nothing} if name in capabilities else {}
    sound = type("Sound", (FaultyBot,), {"caught_by": name, "audited": audited, **more})
    assert caught(FrontEndKit, sound, lambda: BotBench(sound)) == []


async def _nothing(*_: object) -> None:
    """Attend nothing."""
