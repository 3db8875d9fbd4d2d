"""Keys that come faster than they are dealt with: over a slow line, or on a busy machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual import events

from tests.support.tui_terminal import Terminal, shown

if TYPE_CHECKING:
    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.memory_profiles import MemoryProfiles

pytestmark = pytest.mark.anyio


def burst(screen: Terminal, *keys: str) -> None:
    """Have all keys come at once. What is no name of a key is typed letter by letter."""
    for key in keys:
        for each in [key] if key in {"enter", "backspace", "escape", "up", "down"} or "+" in key else key:
            screen.app.post_message(events.Key(each, each if len(each) == 1 else None))


async def test_letters_do_not_overtake_the_keys_before_them(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        burst(screen, "helo", "backspace", "lo", "enter", "one", "ctrl+j", "two", "enter")
        burst(screen, "x", "ctrl+u", "three", "enter")
        await screen.until(lambda: [each.text for each in bob.conversation] == ["hello", "one\ntwo", "three"])
        assert screen.app.screen.focused.text == ""


async def test_what_is_typed_after_a_jump_is_written_where_it_led(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    bob, carol = alice.befriend("Bob"), alice.befriend("Carol")
    async with shown(profiles) as screen:
        burst(screen, "ctrl+k", "Bob", "enter", "for Bob", "ctrl+k", "Carol", "enter", "for Carol", "enter")
        await screen.until(lambda: [each.text for each in carol.conversation] == ["for Carol"])
        burst(screen, "still for Carol", "ctrl+k", "Bob", "enter", "backspace", "b", "enter")
        await screen.until(lambda: [each.text for each in bob.conversation] == ["for Bob"[:-1] + "b"])
        assert len(carol.conversation) == 1
    assert (await alice.app.conversations.get("Carol")).draft == "still for Carol"


async def test_keys_go_on_where_their_page_is_gone(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        burst(screen, "ctrl+p", "escape", "ctrl+k", "escape", "ctrl+f", "escape", "done", "enter")
        await screen.until(lambda: [each.text for each in bob.conversation] == ["done"])
