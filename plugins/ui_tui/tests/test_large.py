"""A conversation of 100,000 messages, and 1,000 conversations: what is read and kept does not grow with them."""

from __future__ import annotations

import pytest
from balchat_ui_tui.app import BalchatTui
from balchat_ui_tui.chat.message_list import MessageList
from balchat_ui_tui.chat.state import MOST, PAGE
from balchat_ui_tui.settings import TuiSettings

from tests.support.endless_account import Account, BenchProfiles
from tests.support.tui_terminal import ENGLISH, Terminal

pytestmark = pytest.mark.anyio


async def test_100_000_messages_and_1_000_conversations_cost_a_window_of_them() -> None:
    account = Account(1000, 100_000)
    read: list[int] = []
    history = account.history

    async def counted(conversation: str, limit: int, **where):
        page = await history(conversation, limit, **where)
        read.append(len(page))
        return page

    account.history = counted
    app = BalchatTui(BenchProfiles(account), TuiSettings(), ENGLISH)
    async with app.run_test(size=(80, 24)) as pilot:
        terminal = Terminal(app, pilot, None)
        await terminal.shows("Contact 0")
        await terminal.press("down", "down", "enter")
        await terminal.until(lambda: app.screen.state.chat and app.screen.state.chat.messages)
        assert read == [PAGE]
        await terminal.press("tab")
        for _ in range(30):
            await terminal.press("pageup")
        assert sum(read) < 10 * PAGE
        assert len(app.screen.state.chat.messages) <= MOST
        await terminal.press("home")
        shown = app.screen.query_one(MessageList)
        await terminal.until(lambda: shown.top_message == f"{0:032x}")
        await terminal.press("ctrl+k")
        await terminal.type("contact 777")
        await terminal.press("enter")
        await terminal.until(lambda: "Contact 777" in terminal.lines[0])
