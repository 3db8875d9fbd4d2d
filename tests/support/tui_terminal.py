"""The terminal screen on an account in memory, driven by a pilot."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio
import pytest
from balchat_ui_tui.app import BalchatTui
from balchat_ui_tui.screen_texts import ScreenTexts
from balchat_ui_tui.settings import TuiSettings
from textual.pilot import Pilot

from balchat_host.api.errors import ConnectionLost
from balchat_host.testing.memory_profiles import MemoryProfile, MemoryProfiles

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from balchat_host.testing.memory_account import MemoryAccount

ENGLISH: Final = ScreenTexts("en")
"""Read before any event loop runs: no file may be read in one."""
_PATIENCE: Final = 20.0


@dataclass(frozen=True)
class Terminal:
    """What a person sees and types."""

    app: BalchatTui
    pilot: Pilot[int]
    profiles: MemoryProfiles

    @property
    def alice(self) -> MemoryAccount:
        """The account."""
        return self.profiles.profile().account

    @property
    def lines(self) -> list[str]:
        """The rows of the terminal."""
        strips = self.app.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage]  # there is no other way to the rows
        return ["".join(segment.text for segment in strip) for strip in strips]

    @property
    def text(self) -> str:
        """All rows."""
        return "\n".join(self.lines)

    async def press(self, *keys: str) -> None:
        """Press keys, as Textual calls them."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.pilot.press(*("space" if each == " " else each for each in text))
        await self.pilot.pause()

    async def until(self, true: Callable[[], object]) -> None:
        """Wait until something is so, as long as it takes. What never is fails with what was seen."""
        with anyio.move_on_after(_PATIENCE):
            while not true():
                await self.pilot.pause()
            return
        pytest.fail(f"it never came to be:\n{self.text}")

    async def shows(self, *texts: str) -> None:
        """Wait until all these texts are on the screen."""
        await self.until(lambda: all(each in self.text for each in texts))

    async def open(self, name: str) -> None:
        """Go to a conversation by its name."""
        await self.press("ctrl+k")
        await self.type(name)
        await self.press("enter")
        await self.until(lambda: f" {name} " in self.lines[0])


@asynccontextmanager
async def shown(
    profiles: MemoryProfiles, *, size: tuple[int, int] = (80, 24), settings: TuiSettings | None = None
) -> AsyncGenerator[Terminal]:
    """Show the account of the default profile."""
    app = BalchatTui(profiles, settings or TuiSettings(), ENGLISH)
    async with app.run_test(size=size) as pilot:
        terminal = Terminal(app, pilot, profiles)
        await terminal.until(lambda: app.has_begun)
        await terminal.until(lambda: app.account.connected or not profiles.profile().running)
        yield terminal


def losing(profile: MemoryProfile) -> Callable[[], None]:
    """Return what breaks the connection to a running account, which cannot be reached from then on."""
    cut = anyio.Event()

    async def until_it_is_cut_off() -> None:
        await cut.wait()
        raise ConnectionLost

    def lose() -> None:
        profile.unreachable = ConnectionLost()
        cut.set()

    profile.meanwhile = until_it_is_cut_off
    return lose
