"""One run of the terminal screen without a terminal, in a process of its own: `python -m bench.tui_run WHAT …`.

It prints what it measured as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, Any, cast

from balchat_texts import Texts
from balchat_ui_tui.app import BalchatTui
from balchat_ui_tui.chat.composer import Composer
from balchat_ui_tui.chat.message_list import MessageList
from balchat_ui_tui.main.actions import Show
from balchat_ui_tui.settings import TuiSettings

from tests.support.endless_account import Account, BenchProfiles, cpu

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from balchat_ui_tui.main.screen import MainScreen
    from textual.pilot import Pilot

SIZE = (120, 40)
PAGES = 200
KEYS = 40
_FEW = 100


def _app(account: Account | None) -> BalchatTui:
    return BalchatTui(cast("Any", BenchProfiles(account)), TuiSettings(), Texts("en"))


def _with(account: Account, do: Callable[[BalchatTui, Pilot[int]], Awaitable[object]]) -> object:
    async def run() -> object:
        app = _app(account)
        async with app.run_test(size=SIZE) as pilot:
            while not app.has_begun or not app.account.connected or not app.screen.query(MessageList):
                await pilot.pause()
            return await do(app, pilot)

    return asyncio.run(run())


async def _open(app: BalchatTui, pilot: Pilot[int], conversation: str) -> None:
    screen = cast("MainScreen", app.screen)
    screen.dispatch(Show(conversation))
    shown = screen.query_one(MessageList)
    while shown.top_message is None or screen.state.chat is None or not screen.state.chat.messages:
        await pilot.pause()
    await pilot.pause()


def opening(length: int) -> object:
    """Return the milliseconds of a core that it takes to open a conversation, for each of several."""
    account = Account(30, length)

    async def run(app: BalchatTui, pilot: Pilot[int]) -> object:
        took: list[float] = []
        for name in account.names:
            began = cpu()
            await _open(app, pilot, name)
            took.append(1000 * (cpu() - began))
        return took[5:]

    return _with(account, run)


def scrolling(length: int) -> object:
    """Return the milliseconds of a core that each page takes that is scrolled back, with what is read for it."""
    account = Account(1, length)

    async def run(app: BalchatTui, pilot: Pilot[int]) -> object:
        await _open(app, pilot, account.names[0])
        shown = app.screen.query_one(MessageList)
        shown.focus()
        took: list[float] = []
        for _ in range(PAGES):
            began = cpu()
            shown.action_page(-1)
            for _ in range(30):
                await asyncio.sleep(0)
            took.append(1000 * (cpu() - began))
            await pilot.pause()
        return took

    return _with(account, run)


def typing(length: int) -> object:
    """Return the milliseconds of a core that each key takes in the middle of a line of so many wide characters."""
    account = Account(1, _FEW)

    async def run(app: BalchatTui, pilot: Pilot[int]) -> object:
        await _open(app, pilot, account.names[0])
        composer = app.screen.query_one(Composer)
        composer.focus()
        composer.load_text(("日本語の文字" * length)[:length])
        composer.move_cursor((0, length // 2))
        await pilot.pause()
        took: list[float] = []
        for _ in range(KEYS):
            began = cpu()
            await pilot.press("x")
            await pilot.pause()
            took.append(1000 * (cpu() - began))
        return took

    return _with(account, run)


def load(a_second: int, seconds: int) -> object:
    """Return the share of a core that is used while so many messages a second come, half of them in sight."""
    account = Account(1000, 100_000)

    async def run(app: BalchatTui, pilot: Pilot[int]) -> object:
        await _open(app, pilot, account.names[0])
        await asyncio.sleep(1)
        began, used = time.monotonic(), cpu()
        for number in range(max(1, a_second * seconds)):
            if a_second:
                account.add(account.names[number % 2])
                await asyncio.sleep(max(0.0, began + (number + 1) / a_second - time.monotonic()))
            else:
                await asyncio.sleep(seconds)
        return (cpu() - used) / (time.monotonic() - began)

    return _with(account, run)


def memory(times: int) -> object:
    """Return the memory in MiB after so many rounds of a day's work: messages, other conversations, going back."""
    account = Account(100, 10_000)

    async def run(app: BalchatTui, pilot: Pilot[int]) -> object:
        for turn in range(times):
            name = account.names[turn % 100]
            await _open(app, pilot, name)
            for _ in range(20):
                account.add(name)
            await pilot.pause()
            shown = app.screen.query_one(MessageList)
            for _ in range(10):
                shown.action_page(-1)
                await pilot.pause()
        return _resident()

    return _with(account, run)


def _resident() -> float:
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123  # no file of anybody's
        [line] = [line for line in status if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    what, *numbers = sys.argv[1:]
    print(json.dumps(globals()[what](*map(int, numbers))))
