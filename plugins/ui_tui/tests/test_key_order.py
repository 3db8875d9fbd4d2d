"""Keys that come faster than they are dealt with: over a slow line, or on a busy machine."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from balchat_ui_tui.key_order import Dealt, KeyOrder
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


class Keys:
    """The order of keys in a program whose widgets never answer by themselves."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.sent: list[Dealt] = []
        target = SimpleNamespace(post_message=self.sent.append)
        session = SimpleNamespace(draw_now=lambda: False)
        tui = SimpleNamespace(focused=target, screen=target, session=session, post_message=self.sent.append)
        self.order = KeyOrder(cast("Any", tui), self._take)

    async def _take(self, event: events.Event) -> None:
        assert isinstance(event, events.Key)
        self.taken.append(event.key)

    async def answer(self) -> None:
        """Let all messages come back, as often as there are some; more than a few are without end."""
        for _ in range(20):
            if not self.sent:
                return
            await self.order.dealt(self.sent.pop(0))
        pytest.fail("messages go round for ever")


async def test_a_message_that_comes_after_it_was_given_up_starts_nothing() -> None:
    keys = Keys()
    await keys.order.begin()
    await keys.order.typed(events.Key("a", "a"))
    while keys.sent:
        late = keys.sent.pop(0)
        await keys.order.dealt(late)
    await keys.order.dealt(late)
    await keys.answer()
    await keys.order.typed(events.Key("b", "b"))
    await keys.answer()
    assert keys.taken == ["a", "b"]


async def test_what_is_typed_before_the_conversations_are_there_waits_for_them() -> None:
    keys = Keys()
    await keys.order.typed(events.Key("a", "a"))
    await keys.order.typed(events.Key("b", "b"))
    assert keys.taken == []
    await keys.order.begin()
    await keys.answer()
    assert keys.taken == ["a", "b"]
