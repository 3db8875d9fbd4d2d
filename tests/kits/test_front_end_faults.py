"""Each fault that is planted in a bot is caught by the test of the kit that is named for it."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from balchat_host.api.events import event_types
from balchat_host.testing.front_end_kit import FrontEndCapabilities, FrontEndKit
from tests.kits.bot import Bot, BotBench, FaultyBot, left
from tests.kits.catching import assert_caught, caught
from tests.kits.front_end_faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from balchat_host.api.events import Event
    from balchat_host.api.frontend import App


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.showwarning = _quiet
        yield
    os.environ.pop("BALCHAT_BOT", None)
    for each in left:
        match each:
            case threading.Event():
                each.set()
            case set():
                each.clear()
            case socket.socket():
                each.close()
            case Path():
                shutil.rmtree(each) if each.is_dir() else each.unlink(missing_ok=True)
            case _:
                assert isinstance(each, asyncio.Task)  # it ended with its loop
    left.clear()


class TestBot(FrontEndKit):
    """Without a fault, on asyncio. On trio, `test_without_a_fault_nothing_is_caught` runs what finds faults."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture
    def bench(self) -> BotBench:
        return BotBench()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(fault: type[FaultyBot]) -> None:
    assert_caught(FrontEndKit, fault, lambda: BotBench(fault))


def _promises(fault: type[FaultyBot]) -> FrontEndCapabilities:
    return getattr(fault, "capabilities", BotBench.capabilities)


SOUND = list(dict.fromkeys((fault.caught_by, fault.audited, _promises(fault)) for fault in FAULTS))


@pytest.mark.parametrize(
    ("name", "audited", "promises"),
    SOUND,
    ids=lambda each: str(each) if each in {True, False} or isinstance(each, str) else "",
)
def test_without_a_fault_nothing_is_caught(name: str, audited: bool, promises: FrontEndCapabilities) -> None:
    # Where the kit skips a test, nothing is shown: the bench promises what that test asks for.
    more = {} if promises.attends else {"attend": _nothing}
    more |= {} if promises.remembers else {"subscriber": None}
    sound = type("Sound", (FaultyBot,), {"caught_by": name, "audited": audited, "capabilities": promises, **more})
    assert caught(FrontEndKit, sound, lambda: BotBench(sound)) == []


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_the_kit_has_everything_happen_that_events_tell_of() -> None:
    told: set[str] = set()

    class Listens(Bot):
        async def handle(self, app: App, event: Event) -> None:
            told.add(event.type)
            await super().handle(app, event)

    kit = FrontEndKit()
    await kit.test_it_bears_everything_else_that_happens(BotBench(Listens))
    await kit.test_it_bears_whatever_becomes_of_messages_and_files(BotBench(Listens))
    assert told == set(event_types)


def _quiet(*_: object) -> None:
    """Show nobody what a fault warns of."""


async def _nothing(*_: object) -> None:
    """Attend nothing."""
