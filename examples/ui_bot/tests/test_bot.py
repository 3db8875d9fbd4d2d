"""The bot obeys the kit that every front end obeys, and answers pings with a whole account in memory."""

from __future__ import annotations

import anyio
import pytest
from balchat_host.api.frontend import FrontEnd, FrontEndContext
from balchat_host.testing.front_end_kit import FrontEndBench, FrontEndKit
from balchat_host.testing.memory_account import MemoryAccount

from balchat_ui_bot.plugin import make
from balchat_ui_bot.settings import BotSettings


class Bench(FrontEndBench):
    """It promises everything but to say which conversation it shows (`FrontEndCapabilities`)."""

    prompt = "ping"

    def front_end(self, context: FrontEndContext) -> FrontEnd:
        return make(context, BotSettings())


class TestBot(FrontEndKit):
    """Its tests are the kit's."""

    @pytest.fixture
    def bench(self) -> FrontEndBench:
        return Bench()


@pytest.mark.anyio
async def test_a_ping_is_answered_and_nothing_else() -> None:
    alice = MemoryAccount("Alice")
    bob = alice.befriend("Bob")
    async with anyio.create_task_group() as tasks:
        await tasks.start(make(Bench().context(), BotSettings(answer="here I am")).run, alice.app)
        bob.write("ping")
        bob.write("something else")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    bob.receive()
    assert bob.heard == ["here I am"]
