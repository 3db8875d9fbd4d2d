"""A chat at the terminal: what stands in the scrollback, what above the prompt, and what is done with what is typed."""

from __future__ import annotations

import os
import signal
from contextlib import nullcontext
from io import StringIO
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_ui_cli.chat import commands
from balchat_ui_cli.chat.chat import Chat, _help_lines
from balchat_ui_cli.output import Output
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from balchat_host.api.errors import ConnectionLost
from balchat_host.api.frontend import MAX_TEXT_SIZE
from balchat_host.api.views import MessageState
from balchat_host.testing.memory_account import MemoryAccount
from tests.support.chat_room import Room, chatting

if TYPE_CHECKING:
    from balchat_host.testing.peer import Peer

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """prompt_toolkit runs on asyncio only."""
    return "asyncio"


@pytest.fixture
def alice() -> MemoryAccount:
    return MemoryAccount("Alice")


@pytest.fixture
def bob(alice: MemoryAccount) -> Peer:
    return alice.befriend("Bob")


async def test_it_begins_with_the_history_and_marks_it_as_read(alice: MemoryAccount, bob: Peer) -> None:
    bob.write("Are you there?")
    async with chatting(alice, bob) as room:
        assert "Are you there?" in room.shown
        assert "Bob · active · not verified · not reachable now" in room.shown
        assert bob.contact.unread == 0


async def test_what_arrives_is_shown_and_marked_as_read(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        carol = alice.befriend("Carol")
        carol.write("not for here")
        bob.write("hello")
        await room.until(lambda: "hello" in room.shown)
        await room.until(lambda: bob.contact.unread == 0)
        assert "not for here" not in room.shown
        assert carol.contact.unread == 1


async def test_ours_stand_above_the_prompt_until_they_are_delivered(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        room.type("hello\r")
        await room.until(lambda: "queued" in room.above)
        assert "hello" in room.above
        assert "hello" not in room.shown
        bob.begin_to_receive()
        await room.until(lambda: "sent" in room.above)
        bob.receive()
        await room.until(lambda: "delivered" in room.shown)
        assert room.above == ""
        assert room.shown.count("hello") == 1


async def test_ours_settle_in_the_order_in_which_they_were_written(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        for text in ("first", "second"):
            room.type(f"{text}\r")
            await room.until(lambda text=text: text in room.above)
        bob.receive(skip=1)
        await room.until(lambda: "delivered" in room.above)
        assert "second" not in room.shown
        bob.refuse("the contact was removed")
        await room.until(lambda: "second" in room.shown)
        assert "failed: the contact was removed" in room.shown
        assert room.shown.index("first") < room.shown.index("second")


async def test_the_bar_says_how_far_the_other_side_has_read(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        room.type("hello\r")
        await room.until(lambda: bob.conversation)
        bob.read()
        await room.until(lambda: "read until" in str(room.chat._bar()))


async def test_the_bar_follows_who_is_reachable(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        bob.come_online()
        await room.until(lambda: "not reachable now" not in str(room.chat._bar()))


async def test_reply(alice: MemoryAccount, bob: Peer) -> None:
    asked = bob.write("Are you there?")
    async with chatting(alice, bob) as room:
        room.type(f"/reply {asked.id[:8]} Always.\r")
        await room.until(lambda: "Always." in room.above)
        assert "↳ Bob: Are you there?" in room.above
        answer = bob.conversation[-1]
        assert answer.in_reply_to == asked.id


async def test_several_lines_in_one_message(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        room.type("one\x1b\rtwo\r")
        await room.until(lambda: bob.conversation)
        [message] = bob.conversation
        assert message.text == "one\ntwo"


async def test_a_paste_of_several_lines_is_not_sent(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        room.type("\x1b[200~one\r\ntwo\nthree\x1b[201~!\r")
        await room.until(lambda: bob.conversation)
        [message] = bob.conversation
        assert message.text == "one\ntwo\nthree!"


@pytest.mark.slow
async def test_what_cannot_be_sent_is_said_and_the_chat_goes_on(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        room.type("/reply ffffffff hello\r")
        await room.until(lambda: "No message has the id ffffffff" in room.shown)
        room.type("\x1b[200~" + "x" * (MAX_TEXT_SIZE + 1) + "\x1b[201~\r")  # pasted
        await room.until(lambda: "octets" in room.shown)
        room.type("/nonsense\r")
        await room.until(lambda: "There is no /nonsense" in room.shown)
        assert not bob.conversation


async def test_a_full_disk_does_not_end_the_chat(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        alice.vault.full = True
        room.type("hello\r")
        await room.until(lambda: "The disk is full" in room.shown)
        alice.vault.full = False
        # What was typed is one key away.
        room.type("\x1b[A\r")
        await room.until(lambda: "hello" in room.above)


async def test_a_lost_connection_ends_the_chat(alice: MemoryAccount, bob: Peer) -> None:
    async def lose() -> None:
        async with chatting(alice, bob) as room:
            rooms.append(room)
            room.type("hello\r")
            await room.until(lambda: "hello" in room.above)
            alice.fail_next("messages.send", ConnectionLost())
            room.type("and more\r")
            await anyio.sleep_forever()

    rooms: list[Room] = []
    with pytest.raises(ExceptionGroup) as raised:
        await lose()
    assert raised.group_contains(ConnectionLost)
    assert "hello" in rooms[0].shown


async def test_older_messages(alice: MemoryAccount, bob: Peer) -> None:
    for number in range(25):
        bob.write(f"number {number}.")
    async with chatting(alice, bob) as room:
        assert "number 4." not in room.shown
        room.type("/more 3\r")
        await room.until(lambda: "── now" in room.shown)
        assert "number 4." in room.shown
        assert "number 1." not in room.shown
        room.type("/more\r")
        await room.until(lambda: "number 0." in room.shown)
        room.type("/more\r")
        await room.until(lambda: "nothing earlier" in room.shown)
        assert room.shown.count("number 3.") == 1


async def test_a_search_looks_through_this_conversation(alice: MemoryAccount, bob: Peer) -> None:
    found = bob.write("at the harbour")
    alice.befriend("Carol").write("another harbour")
    async with chatting(alice, bob) as room:
        room.type("/search harbour\r")
        await room.until(lambda: f"{found.id[:8]}  Bob: at the harbour" in room.shown)
        assert "another" not in room.shown
        room.type("/search mountain\r")
        await room.until(lambda: "Nothing was found." in room.shown)


def test_the_help_fits_narrow_terminals() -> None:
    for cells in (40, 80):
        lines = ["".join(getattr(piece, "text", piece) for piece in line) for line in _help_lines(cells)]
        assert all(len(line) < cells for line in lines)


async def test_a_message_from_another_front_end(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        await alice.app.messages.send("Bob", "from elsewhere")
        await room.until(lambda: "from elsewhere" in room.above)


async def test_the_contact_is_renamed_and_then_removed(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        await alice.app.contacts.rename("Bob", "Robert")
        await room.until(lambda: "Robert" in str(room.chat._bar()))
        room.type("hello\r")
        await room.until(lambda: "hello" in room.above)
        await alice.app.contacts.remove("Robert")
        await room.until(lambda: "This contact was removed." in room.shown)


async def test_leaving_says_what_still_waits(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        room.type("hello\r")
        await room.until(lambda: "hello" in room.above)
        room.type("/quit\r")
        await room.until(lambda: "What waits goes out" in room.shown)
        assert "queued" in room.shown


async def test_hostile_text_stays_harmless(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        evil = bob.write("\x1b[2J\x1b]0;title\x07 \u202egnp.exe")
        await room.until(lambda: "title" in room.shown)
        assert not set(room.shown) & {"\x1b", "\x07", "\u202e"}
        room.type(f"/reply {evil.id[:8]} oh\r")
        await room.until(lambda: "oh" in room.above)
        assert "\x1b" not in "".join(room.chat._screen._out.painted(line) for line in room.chat._pending())


@pytest.mark.parametrize(
    ("line", "understood"),
    [
        ("", None),
        ("  ", None),
        ("hello", commands.Say("hello")),
        (" hello\nyou ", commands.Say("hello\nyou")),
        ("//quit", commands.Say("/quit")),
        ("/reply abcdef yes, I do", commands.Say("yes, I do", "abcdef")),
        ("/more", commands.More(20)),
        ("/more 5", commands.More(5)),
        ("/search old boats", commands.Search("old boats")),
        ("/help", commands.Help()),
        ("/quit", commands.Quit()),
    ],
)
def test_what_is_typed(line: str, understood: object) -> None:
    assert commands.read(line) == understood


async def test_a_draft_of_another_front_end_stands_in_the_line_and_ends_with_what_is_sent(
    alice: MemoryAccount, bob: Peer
) -> None:
    await alice.app.conversations.draft("Bob", "/dear Bob")
    async with chatting(alice, bob) as room:
        assert room.line == "//dear Bob"
        room.type(", hello\r")
        await room.until(lambda: bob.conversation)
    assert bob.conversation[0].text == "/dear Bob, hello"
    assert (await alice.app.conversations.get("Bob")).draft == ""


@pytest.mark.parametrize("can_write", [True, False])
async def test_what_is_in_the_line_when_the_terminal_goes_is_kept_as_a_draft(
    alice: MemoryAccount, bob: Peer, can_write: bool
) -> None:
    with nullcontext() if can_write else pytest.RaisesGroup(OSError, flatten_subgroups=True):
        async with chatting(alice, bob) as room:
            room.type("Dear")
            await room.until(lambda: room.line == "Dear")
            if not can_write:
                room.lose_terminal()
            os.kill(os.getpid(), signal.SIGHUP)
    assert (await alice.app.conversations.get("Bob")).draft == "Dear"


async def test_a_draft_that_another_front_end_writes_meanwhile_stays(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        await alice.app.conversations.draft("Bob", "from elsewhere")
        await room.until(lambda: room.chat._conversation.view.draft)
    assert (await alice.app.conversations.get("Bob")).draft == "from elsewhere"


async def test_notes_to_ourselves_are_there_at_once_and_go_nowhere(alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    scrollback = StringIO()
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        out = Output(as_json=False, stdout=scrollback, stderr=scrollback, environment={})
        chat = Chat(alice.app, out, await alice.app.conversations.get("me"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(chat.run)
            room = Room(chat, keys, scrollback)
            await room.until(lambda: chat._screen._session.app.is_running)
            keys.send_text("Buy milk.\r")
            await room.until(lambda: "Buy milk." in room.shown)
            tasks.cancel_scope.cancel()
    assert "Notes to self · only you" in room.shown
    assert "  you  Buy milk." in room.shown
    assert "delivered" in room.shown
    (note,) = await alice.app.messages.history("Notes to self")
    assert (note.text, note.author, note.state) == ("Buy milk.", None, MessageState.DELIVERED)
    assert (await alice.app.status.get()).outbox.waiting == 0
    assert bob.conversation == []


@pytest.mark.parametrize(
    "line", ["/reply", "/search", "/reply abcdef", "/more x", "/more 0", "/more 1001", "/", "/Quit"]
)
def test_a_mistake_sends_nothing(line: str) -> None:
    assert isinstance(commands.read(line), commands.Mistake)
