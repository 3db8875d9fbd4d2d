"""The field in which a message is written: one long line, as of a log or of base64 that was pasted, and its cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_ui_tui.chat.composer import Composer
from rich.cells import cell_len
from textual import events

from tests.support.tui_terminal import Terminal, shown

if TYPE_CHECKING:
    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.memory_profiles import MemoryProfiles

pytestmark = pytest.mark.anyio

FAMILY = "👩‍👩‍👧"


def rows(composer: Composer) -> str:
    """Return what is seen of a text without spaces: its rows, one after the other."""
    return "".join(composer.render_line(y).text.rstrip() for y in range(composer.size.height))


def under_cursor(screen: Terminal) -> str:
    """Return what looks like the cursor; it is where the terminal's own one is, for input methods."""
    composer = screen.app.screen.query_one(Composer)
    x, y = screen.app.cursor_position
    strip = composer.render_line(y - composer.content_region.y)
    ground = composer.get_component_rich_style("text-area--cursor").bgcolor
    [number] = [number for number, segment in enumerate(strip) if segment.style and segment.style.bgcolor == ground]
    before = "".join(segment.text for segment in list(strip)[:number])
    assert cell_len(before) == x - composer.content_region.x
    return list(strip)[number].text


@pytest.mark.parametrize("sign", ["a", "語", "🙂"])
async def test_a_long_line_is_shown_and_written_in_the_middle(
    profiles: MemoryProfiles, alice: MemoryAccount, sign: str
) -> None:
    alice.befriend("Bob")
    text = "".join(f"{number}{sign}" for number in range(1_500))
    async with shown(profiles) as screen:
        await screen.open("Bob")
        composer = screen.app.screen.query_one(Composer)
        screen.app.post_message(events.Paste(text))
        await screen.until(lambda: composer.text == text)
        assert text.endswith(rows(composer))
        assert under_cursor(screen) == " "
        await screen.press(*["up"] * 9, "home", *["right"] * 7)
        place = len("".join(composer.wrapped_document.get_sections(0)[:-10])) + 7
        assert under_cursor(screen) == text[place]
        await screen.type("-x-")
        written = f"{text[:place]}-x-{text[place:]}"
        assert composer.text == written
        assert "-x-" in rows(composer)
        assert rows(composer) in written
        assert under_cursor(screen) == text[place]
        await screen.press("ctrl+underscore")
        assert composer.text == text
        assert under_cursor(screen) == text[place]
        await screen.press("ctrl+y", "backspace")
        assert composer.text == f"{text[:place]}-x{text[place:]}"


async def test_the_cursor_stands_on_the_whole_of_an_emoji(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    alice.befriend("Bob")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        screen.app.post_message(events.Paste(f"a{FAMILY}🇩🇪b"))
        await screen.shows(f"a{FAMILY}🇩🇪b")
        seen = []
        for _ in range(4):
            await screen.press("left")
            seen.append(under_cursor(screen))
        assert seen == ["b", "🇩🇪", FAMILY, "a"]


async def test_what_is_selected_is_seen_over_all_its_lines(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    alice.befriend("Bob")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        composer = screen.app.screen.query_one(Composer)
        screen.app.post_message(events.Paste("one\n\nthree"))
        await screen.shows("three")
        await screen.press("left", "left", *["shift+up"] * 2)
        ground = composer.get_component_rich_style("text-area--selection").bgcolor
        selected = [
            "".join(segment.text for segment in composer.render_line(y) if segment.style.bgcolor == ground)
            for y in range(3)
        ]
        assert under_cursor(screen) == " "
        assert selected == ["", " ", "thr"]


async def test_a_message_that_was_copied_is_pasted_as_from_elsewhere(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    bob = alice.befriend("Bob")
    bob.write("one\ttwo\x1b[31m")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.press("tab", "up", "y", "escape", "escape")
        await screen.press("ctrl+v")
        composer = screen.app.screen.query_one(Composer)
        await screen.until(lambda: composer.text)
        assert composer.text == "one    two[31m"
        screen.app.copy_to_clipboard("word " * 20_000)
        await screen.press("ctrl+v")
        await screen.until(lambda: list(screen.app._notifications))
        assert composer.text == "one    two[31m"
