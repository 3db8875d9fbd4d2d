"""How the main screens look. `pytest plugins/ui_tui/tests/test_snapshots.py --snapshot-update` draws them again.

A picture that differs is a change that a person sees: look at it (any browser shows it) before it is committed. They
are drawn by one version of Textual, and looked at with that one only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
import textual
from balchat_ui_tui.settings import Theme, TuiSettings
from pytest_textual_snapshot import SVGImageExtension
from textual.widgets import Input, TextArea

from tests.support.tui_terminal import ENGLISH, Terminal, shown

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.memory_profiles import MemoryProfiles

DRAWN_BY: Final = "8.2.8"
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(textual.__version__ != DRAWN_BY, reason=f"drawn by Textual {DRAWN_BY}"),
]
T = ENGLISH


class Pictures(SVGImageExtension):
    """Pictures in files that every browser shows."""

    file_extension = "svg"


@pytest.fixture
def look(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(Pictures)


@pytest.fixture
async def town(profiles: MemoryProfiles, alice: MemoryAccount, monkeypatch: pytest.MonkeyPatch) -> MemoryProfiles:
    """An account with a bit of everything, at a time that stands still."""
    monkeypatch.delenv("COLORFGBG", raising=False)
    grace, bob = alice.befriend("Grace"), alice.befriend("Bob")
    alice.stranger("Heidi").ask("We met at the harbour.")
    bob.write("Later")
    grace.write("Are you *there*?\n- tea\n- **maps**")
    await alice.app.messages.send("Grace", "Yes, at seven: https://example.org/harbour")
    grace.read()
    await alice.app.messages.react(grace.conversation[0].id, "🎉")
    grace.write("שלום, see you\n\x1b[31m and \u202ethis\u202c")
    grace.offer("tides.txt", b"high water", "the table")
    await alice.app.messages.send("Grace", "I bring the lamp.")
    now = alice.world.now / 1000
    monkeypatch.setattr("balchat_ui_tui.clock.time", lambda: now)
    return profiles


async def picture(screen: Terminal) -> str:
    """Return the terminal as it looks once everything is drawn."""
    for each in (*screen.app.screen.query(Input), *screen.app.screen.query(TextArea)):
        each.cursor_blink = False
    await screen.pilot.pause()
    return same_each_time(screen.app.export_screenshot())


def same_each_time(svg: str) -> str:
    """Return a picture without what chance decides: keys of accounts, and the numbers of styles."""
    svg = re.sub(r"terminal-[0-9]+", "terminal", svg)
    svg = re.sub(r"[a-z2-7]{14,56}(?=(\.onion)?&#160;|(\.onion)?<)", lambda found: "x" * len(found[0]), svg)
    styles = re.findall(r"\.terminal-(r[0-9]+) \{ (.*) \}", svg)
    numbers = {name: f"s{number}" for number, (name, _) in enumerate(sorted(styles, key=lambda style: style[1]))}
    svg = re.sub(r"terminal-(r[0-9]+)", lambda found: f"terminal-{numbers[found[1]]}", svg)
    before, *rules = re.split(r"(?m)^(?= *\.terminal-s[0-9]+ )", svg)
    last, after = rules[-1].split("\n", 1)
    return before + "".join(sorted([*rules[:-1], f"{last}\n"])) + after


async def test_a_chat_in_light_and_in_high_contrast(town: MemoryProfiles, look: SnapshotAssertion) -> None:
    for theme in (Theme.LIGHT, Theme.CONTRAST):
        async with shown(town, settings=TuiSettings(theme=theme)) as screen:
            await screen.open("Grace")
            await screen.shows("I bring the lamp.")
            assert await picture(screen) == look(name=theme.value)


@pytest.mark.slow
async def test_the_main_screens_in_dark(town: MemoryProfiles, look: SnapshotAssertion) -> None:
    async with shown(town, settings=TuiSettings(theme=Theme.DARK)) as screen:
        await screen.open("Grace")
        await screen.shows("I bring the lamp.", "● Online")
        assert await picture(screen) == look(name="chat")
        await screen.press("tab", "up", "d")
        await screen.shows(T("tui.delete-question"))
        assert await picture(screen) == look(name="question")
        await screen.press("escape", "escape", "ctrl+p")
        await screen.shows(T("tui.palette"))
        assert await picture(screen) == look(name="palette")
        for name, words, seen in (
            ("files", "of this conversation", "tides.txt"),
            ("requests", "requests", "Heidi"),
            ("network", "network", T("network.addresses")),
            ("settings", "settings", "lock_after_minutes"),
        ):
            await screen.press("escape", "ctrl+p")
            await screen.type(words)
            await screen.press("enter")
            await screen.shows(seen)
            assert await picture(screen) == look(name=name)


async def test_small_and_without_colours(
    town: MemoryProfiles, look: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with shown(town, size=(40, 12), settings=TuiSettings(theme=Theme.DARK)) as screen:
        await screen.shows("Grace", "Bob", "● Online")
        assert await picture(screen) == look(name="list")
        await screen.open("Grace")
        await screen.press("tab", "end")
        await screen.shows("I bring the lamp.")
        assert await picture(screen) == look(name="chat")
        await screen.press("ctrl+p")
        await screen.shows(T("tui.palette"))
        await screen.type("requests")
        await screen.press("enter")
        await screen.shows("Heidi")
        assert await picture(screen) == look(name="requests")
