"""The program on an account in memory: what a person sees and does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from balchat_ui_tui import idle
from balchat_ui_tui import screen as screen_module
from balchat_ui_tui.actions import ConnectionChanged
from balchat_ui_tui.chat.composer import Composer
from balchat_ui_tui.chat.message_list import MessageList
from balchat_ui_tui.connection_state import Connection, Phase
from balchat_ui_tui.settings import TuiSettings
from textual import events

from balchat_host.api.errors import ConfigurationError
from balchat_host.api.views import MessageState
from tests.support.tui_terminal import losing, shown

if TYPE_CHECKING:
    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.memory_profiles import MemoryProfiles

pytestmark = pytest.mark.anyio


async def test_a_conversation_from_the_list_to_the_answer(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    alice.befriend("Carol")
    bob.write("Are you there?")
    async with shown(profiles) as screen:
        await screen.shows("Bob", "Are you there?", "● Online")
        await screen.press("enter")
        await screen.shows("Message to Bob", "Unread")
        await screen.until(lambda: bob.contact.unread == 0)
        await screen.type("Always.")
        await screen.press("enter")
        await screen.shows("Always.", "Waiting to be sent")
        bob.receive()
        await screen.shows("✓ Delivered")
        bob.read()
        await screen.shows("✓✓ Read")
        assert bob.heard == ["Always."]


async def test_a_paste_never_sends_and_new_lines_are_typed_by_keys_that_every_terminal_has(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    bob = alice.befriend("Bob")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        screen.app.screen.focused.post_message(events.Paste("one\r\ntwo\n/quit\n\x1b[31mred"))
        await screen.shows("one", "two", "/quit", "[31mred")
        assert bob.conversation == []
        await screen.press("ctrl+j")
        await screen.type("last")
        await screen.press("enter")
        await screen.until(lambda: len(bob.conversation) == 1)
        assert bob.conversation[0].text == "one\ntwo\n/quit\n[31mred\nlast"


async def test_a_paste_that_no_message_could_hold_is_refused_with_the_limit(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    alice.befriend("Bob")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.type("a")
        screen.app.post_message(events.Paste("word " * 20_000))
        await screen.until(lambda: list(screen.app._notifications))
        assert "100,000 octets; the limit is 32,768" in next(iter(screen.app._notifications)).message
        assert screen.app.screen.query_one(Composer).text == "a"


async def test_a_drawing_that_is_due_at_once_is_not_lost(
    profiles: MemoryProfiles, alice: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.befriend("Bob")
    async with shown(profiles) as screen:
        await screen.shows("Bob", "● Online")
        main: Any = screen.app.screen
        await screen.until(lambda: main._due is None)
        monkeypatch.setattr(screen_module, "monotonic", lambda: main._drawn_at + 1 / 30 - 1e-9)
        main.draw_soon()
        await screen.until(lambda: main._due is None)


async def test_a_drawing_that_is_due_when_one_leaves_is_left_out(profiles: MemoryProfiles) -> None:
    async with shown(profiles) as screen:
        await screen.shows("● Online")
        main: Any = screen.app.screen
    main._due = 0.0  # its widgets are gone
    assert not main.draw_now()


async def test_what_is_all_in_sight_has_nothing_below_it(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    for text in ("one", "two", "three"):
        bob.write(text)
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.until(lambda: bob.contact.unread == 0)
        await screen.shows("Unread", "three")
        await screen.until(lambda: "to the newest" not in screen.text)
        bob.write("four")
        await screen.shows("four")


async def test_enter_breaks_a_line_where_that_was_chosen(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    async with shown(profiles, settings=TuiSettings(enter_sends=False)) as screen:
        await screen.open("Bob")
        await screen.type("a")
        await screen.press("enter")
        await screen.type("b")
        await screen.press("alt+enter")
        await screen.until(lambda: [each.text for each in bob.conversation] == ["a\nb"])


async def test_drafts_wait_in_each_conversation_and_in_the_account(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    alice.befriend("Bob")
    alice.befriend("Carol")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.type("Dear Bob")
        await screen.open("Carol")
        await screen.shows("Draft: Dear Bob")
        await screen.press("alt+down")
        await screen.open("Bob")
        assert screen.app.screen.focused.text == "Dear Bob"
        await screen.type("by")
        await screen.press("ctrl+q")  # within the second that a draft waits
    assert (await alice.app.conversations.get("Bob")).draft == "Dear Bobby"


async def test_nothing_is_read_behind_another_screen_until_that_is_gone(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    bob = alice.befriend("Bob")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.until(lambda: screen.app.account.attended)
        await screen.press("f1")
        await screen.until(lambda: not screen.app.account.attended)
        bob.write("unseen")
        await screen.until(lambda: screen.app.account.unread)
        await screen.press("ctrl+l", "x")
        main: Any = screen.app.screen_stack[1]
        await screen.until(lambda: main.state.chat.in_sight == bob.conversation[0].id)
        assert bob.contact.unread == 1
        screen.app.screen.dismiss()
        await screen.shows("All keys")
        await screen.press("f1")
        await screen.until(lambda: bob.contact.unread == 0)


async def test_arrow_up_edits_the_last_message_and_escape_leaves_it(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    bob = alice.befriend("Bob")
    await alice.app.messages.send("Bob", "At sex.")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.shows("At sex.")
        await screen.press("up")
        await screen.shows("Editing the message")
        await screen.press("escape")
        assert screen.app.screen.focused.text == ""
        await screen.press("up", "backspace", "backspace")
        await screen.type("ven.")
        await screen.press("enter")
        await screen.until(lambda: bob.conversation[0].edited)
        assert bob.conversation[0].text == "At seven."
        await screen.shows("edited")


async def test_what_is_done_with_a_message(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    bob.write("Shall we?")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.press("tab", "r")  # none is selected: the last one is meant
        await screen.shows("↳ Bob: Shall we?")
        await screen.type("Yes")
        await screen.press("enter")
        await screen.until(lambda: len(bob.conversation) == 2)
        assert bob.conversation[1].in_reply_to == bob.conversation[0].id
        await screen.press("tab", "up", "up", "plus")
        await screen.shows("thumbsup")
        await screen.type("tada")
        await screen.press("enter")
        await screen.shows("🎉 1")
        await screen.press("i")
        await screen.shows("Message details", "Received")
        await screen.press("escape", "down", "d")
        await screen.shows("Delete for everybody", "Delete here")
        await screen.press("enter")
        await screen.until(lambda: bob.conversation[1].deleted)
        await screen.shows("Message deleted")


async def test_what_failed_says_why_and_goes_again(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.type("hello")
        await screen.press("enter")
        await screen.until(lambda: bob.conversation)
        bob.refuse("queue-full")
        await screen.shows("✗ Not delivered: Too much")
        await screen.press("tab", "t")
        await screen.until(lambda: bob.conversation[0].state is MessageState.QUEUED)


async def test_a_search_opens_a_hit_where_it_was_written(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    carol = alice.befriend("Carol")
    bob.write("at the harbour")
    for number in range(80):
        bob.write(f"later {number}")
    await alice.app.conversations.mark_read("Bob", bob.conversation[-1].id)
    await alice.app.messages.send(carol.name, "**another** harbour", markdown=True)
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.until(lambda: any("later 79" in line[30:] for line in screen.lines))
        assert "at the harbour" not in screen.text
        await screen.press("ctrl+f")
        await screen.type("harbour")
        await screen.shows("at the harbour")
        assert "another harbour" not in screen.text.split("Search in this conversation")[1].split("╰")[0]
        await screen.press("tab")
        await screen.shows("Search in all conversations", "another harbour")
        await screen.press("down", "enter")
        await screen.shows("at the harbour", "later 0")
        assert not any("later 79" in line[30:] for line in screen.lines)


async def test_what_is_pasted_among_the_messages_is_written(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    alice.befriend("Bob").write("hello")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.press("tab")
        await screen.shows("r reply")
        screen.app.post_message(events.Paste("two\nlines"))
        await screen.until(lambda: screen.app.screen.query_one(Composer).text == "two\nlines")
        assert screen.app.focused is screen.app.screen.query_one(Composer)


async def test_backspace_and_the_arrows_take_whole_emoji(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    alice.befriend("Bob")
    async with shown(profiles) as screen:
        await screen.open("Bob")
        composer = screen.app.screen.query_one(Composer)
        screen.app.post_message(events.Paste("a👩‍👩‍👧〽️🇩🇪"))
        await screen.until(lambda: composer.text)
        await screen.press("backspace", "left")
        await screen.type("b")
        await screen.press("right", "backspace")
        assert composer.text == "a👩‍👩‍👧b"
        await screen.press("left", "left", "delete")
        assert composer.text == "ab"


async def test_the_account_is_lost_and_found_and_nothing_is_missing(
    profiles: MemoryProfiles, alice: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = alice.befriend("Bob")
    bob.write("before")
    profile = profiles.profile()
    lose = losing(profile)
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.shows("before")
        lose()
        await screen.shows("The connection to balchat is lost")
        assert "before" in screen.text, "what was read stays in sight"
        bob.write("meanwhile")
        await screen.type("not now")
        await screen.press("enter")
        await screen.until(lambda: screen.app.screen.focused.text == "not now")
        for stay in ("escape", "enter"):
            await screen.press("ctrl+q")
            await screen.shows("cannot be kept now.", "Leave, and lose it?")
            await screen.press(stay)
            await screen.until(lambda: "Leave, and lose it?" not in screen.text)
        assert screen.app.is_running
        profile.unreachable = profile.meanwhile = None
        screen.app.session.connection.reconnect()
        await screen.shows("● Online", "before", "meanwhile")
        stopped = ConnectionChanged(Connection(phase=Phase.STOPPED))
        await screen.type("!")
        screen.app.session.dispatch(stopped)
        assert len(screen.app.screen_stack) == 2, "nothing comes in front while somebody types"
        monkeypatch.setattr(idle, "_TYPES", 0)
        screen.app.session.dispatch(stopped)
        await screen.shows("The account keeps running")


async def test_who_leaves_twice_leaves_although_something_is_lost(
    profiles: MemoryProfiles, alice: MemoryAccount
) -> None:
    alice.befriend("Bob")
    lose = losing(profiles.profile())
    async with shown(profiles) as screen:
        await screen.open("Bob")
        lose()
        await screen.shows("The connection to balchat is lost")
        await screen.type("never sent")
        await screen.press("ctrl+q")
        await screen.shows("Leave, and lose it?")
        await screen.press("ctrl+q")
        await screen.until(lambda: not screen.app.is_running)


async def test_what_keeps_the_account_from_being_reached_is_told_whole(profiles: MemoryProfiles) -> None:
    profiles.profile().running = False
    profiles.profile().unreachable = ConfigurationError(
        file="/home/ada/.local/share/balchat/default/balchat.toml",
        key="delivery.policy",
        problem='it is "nonsense"',
        allowed='"both"',
    )
    async with shown(profiles, size=(40, 12)) as screen:
        await screen.shows("The account cannot be")
        await screen.until(lambda: [each.message[-7:] for each in screen.app._notifications] == ['"both".'])


async def test_hostile_texts_reach_no_terminal(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    mallory = alice.befriend("Mallory")
    hostile = "\x1b[2J\x1b]52;c;ZXZpbA==\x07\x9b31m \u202etxt.exe\u2066 \u200b[red]x[/] \r\n\x00 <b>"
    mallory.write(hostile)
    mallory.offer("\x1b[31mevil\u202e.png", b"x", "")
    async with shown(profiles, size=(100, 30)) as screen:
        await screen.open("Mallory")
        await screen.shows("␛[2J", "<U+202E>txt.exe", "[red]x[/]")
        await screen.press("tab", "up", "i")
        await screen.shows("Message details")
        await screen.press("escape", "ctrl+f")
        await screen.type("txt")
        for sign in ("\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\r", "\x00"):
            assert sign not in screen.text


async def test_it_works_at_40_by_12_with_one_pane_at_a_time(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    bob.write("Are you there, at the other end of this long line?")
    async with shown(profiles, size=(40, 12)) as screen:
        await screen.shows("Bob", "Are you there")
        await screen.press("down", "enter")
        await screen.shows("Message to Bob")
        assert "Unread" in screen.text
        await screen.press("escape", "escape")
        await screen.shows("Ctrl+P")
        assert all(len(line) == 40 for line in screen.lines)


async def test_a_storm_of_sizes_leaves_the_view_where_it_was(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    for number in range(60):
        bob.write(f"line {number} " + "and more of it " * (number % 7))
    await alice.app.conversations.mark_read("Bob", bob.conversation[-1].id)
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.shows("line 59")
        await screen.press("tab", "pageup", "pageup")
        await screen.shows("to the newest")
        messages = screen.app.screen.query_one(MessageList)
        top = messages.top_message
        assert top != bob.conversation[-1].id
        for width, height in ((40, 12), (120, 50), (20, 5), (200, 10), (1, 1), (79, 23)):
            await screen.pilot.resize_terminal(width, height)
            bob.write(f"at {width} by {height}")
            if height > 40:
                await screen.shows("at 120 by 50")
        await screen.pilot.resize_terminal(80, 24)
        await screen.until(lambda: messages.top_message == top)


async def test_nothing_moves_while_one_reads_back(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    for number in range(60):
        bob.write(f"line {number}")
    await alice.app.conversations.mark_read("Bob", bob.conversation[-1].id)
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.until(lambda: any("line 59" in line[30:] for line in screen.lines))
        await screen.press("tab", "pageup", "pageup")
        await screen.shows("to the newest")
        before = [line[30:79] for line in screen.lines[1:18]]
        for number in range(60, 70):
            bob.write(f"line {number}")
        await screen.shows("10 new messages")
        assert [line[30:79] for line in screen.lines[1:18]] == before
        await screen.press("end")
        await screen.shows("line 69", "Unread")


async def test_conversations_are_muted_put_away_and_found(profiles: MemoryProfiles, alice: MemoryAccount) -> None:
    alice.befriend("Bob")
    alice.befriend("Carol")
    async with shown(profiles) as screen:
        await screen.shows("Bob", "Carol")
        await screen.press("slash")
        await screen.type("caro")
        await screen.until(lambda: "Bob" not in screen.text)
        await screen.press("enter")
        await screen.shows("Message to Carol", "Bob")
        await screen.press("escape", "m")
        await screen.shows("☾")
        await screen.press("a")
        await screen.until(lambda: not any("Carol" in line[:29] for line in screen.lines))
        await screen.press("A")
        await screen.shows("Archived")
        assert any("Carol" in line[:29] for line in screen.lines)


async def test_the_bell_rings_for_what_nobody_looks_at(
    profiles: MemoryProfiles, alice: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = alice.befriend("Bob")
    carol = alice.befriend("Carol")
    async with shown(profiles) as screen:
        rings: list[str] = []
        monkeypatch.setattr(screen.app, "bell", lambda: rings.append("ring"))
        await screen.open("Bob")
        await screen.until(lambda: screen.app.account.attended)
        bob.write("seen")
        await screen.shows("seen")
        assert rings == []
        carol.write("unseen")
        await screen.until(lambda: rings)
        carol.write("and more, at once")
        await screen.shows("and more")
        assert rings == ["ring"]
