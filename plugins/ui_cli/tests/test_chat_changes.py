"""Changing messages in a chat, finding them, and mentioning people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from balchat_ui_cli.chat import commands

from balchat_host.core import content
from balchat_host.core.chat_codes import peer_uri
from balchat_host.testing.memory_account import MemoryAccount
from tests.support.chat_room import chatting

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


async def test_a_reaction_is_shown_with_the_message(alice: MemoryAccount, bob: Peer) -> None:
    asked = bob.write("Shall we meet?")
    async with chatting(alice, bob) as room:
        room.type(f"/react {asked.id[:8]} 👍\r")
        await room.until(lambda: "👍 1" in room.shown)
        assert room.shown.count("Shall we meet?") == 2
        assert [each.emoji for each in bob.conversation[0].reactions] == ["👍"]
        room.type(f"/react {asked.id[:8]} yes\r")
        await room.until(lambda: "one emoji" in room.shown)


async def test_an_edit_is_shown_where_the_message_stands(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        room.type("At six.\r")
        await room.until(lambda: "At six." in room.above)
        room.type(f"/edit {bob.conversation[0].id[:8]} At seven.\r")
        await room.until(lambda: "At seven." in room.above)
        assert "At six." not in room.above
        assert "edited" in room.above
        bob.receive()
        await room.until(lambda: "At seven." in room.shown)
        room.type(f"/edit {bob.conversation[0].id[:8]} At eight.\r")
        await room.until(lambda: "At eight." in room.above)
        bob.receive()
        await room.until(lambda: "At eight." in room.shown)
        assert bob.heard == ["At eight."]


async def test_only_ours_can_be_edited_or_deleted(alice: MemoryAccount, bob: Peer) -> None:
    theirs = bob.write("mine")
    async with chatting(alice, bob) as room:
        room.type(f"/edit {theirs.id[:8]} yours\r")
        await room.until(lambda: "not yours" in room.shown)
        room.type(f"/delete {theirs.id[:8]}\r")
        await room.until(lambda: room.shown.count("not yours") == 2)
        assert [message.text for message in bob.conversation] == ["mine"]


async def test_what_is_deleted_leaves_a_remark(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        room.type("oops\r")
        await room.until(lambda: "oops" in room.above)
        room.type(f"/delete {bob.conversation[0].id[:8]}\r")
        await room.until(lambda: "[deleted]" in room.above)
        assert "deletion queued" in room.above
        assert "oops" not in room.shown + room.above
        bob.receive()
        await room.until(lambda: "[deleted]" in room.shown)


async def test_what_is_edited_stands_there_again_until_the_edit_is_delivered(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        room.type("At six.\r")
        await room.until(lambda: "At six." in room.above)
        bob.receive()
        await room.until(lambda: "At six." in room.shown)
        room.type(f"/edit {bob.conversation[0].id[:8]} At seven.\r")
        await room.until(lambda: "edit queued" in room.above)
        bob.receive()
        await room.until(lambda: "At seven." in room.shown)
        assert not room.above


async def test_what_is_removed_elsewhere_stands_here_no_more(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        room.type("a secret\r")
        await room.until(lambda: "a secret" in room.above)
        await alice.app.messages.delete(bob.conversation[0].id, for_me=True)
        await room.until(lambda: not room.above)


async def test_info(alice: MemoryAccount, bob: Peer) -> None:
    sent = await alice.app.messages.send("Bob", "At six.")
    await alice.app.messages.edit(sent.id, "At seven.")
    async with chatting(alice, bob) as room:
        room.type(f"/info {sent.id[:8]}\r")
        await room.until(lambda: "version 2" in room.shown)
        assert sent.id in room.shown
        assert "At six." in room.shown


async def test_search_finds_here_only_and_its_ids_can_be_used(alice: MemoryAccount, bob: Peer) -> None:
    old = bob.write("Shall we meet at the harbour?")
    alice.befriend("Carol").write("The harbour is closed.")
    for number in range(25):
        bob.write(f"number {number}.")
    async with chatting(alice, bob) as room:
        assert "harbour" not in room.shown
        room.type("/search HARBOUR\r")
        await room.until(lambda: "Shall we meet at the harbour?" in room.shown)
        assert old.id[:8] in room.shown
        assert "closed" not in room.shown
        room.type(f"/react {old.id[:7]}\t")
        await room.until(lambda: room.line == f"/react {old.id[:8]} ")
        room.type("👍\r")
        await room.until(lambda: "👍 1" in room.shown)
        room.type("/search nonsense\r")
        await room.until(lambda: "Nothing was found." in room.shown)
        room.type("/help\r")
        await room.until(lambda: "/search WORDS" in room.shown)


async def test_up_on_an_empty_line_edits_the_last_of_ours(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        room.type("At six\r")
        await room.until(lambda: "At six" in room.above)
        bob.write("When?")
        await room.until(lambda: "When?" in room.shown)
        room.type("\x1b[A")
        await room.until(lambda: room.line == "At six")
        assert room.prompt.endswith(f"edit {bob.conversation[0].id[:8]}> ")
        room.type(" or seven\r")
        await room.until(lambda: "At six or seven" in room.above)
        assert room.prompt.endswith("\n> ")
        assert [message.text for message in bob.conversation] == ["At six or seven", "When?"]


@pytest.mark.parametrize("keys", ["\x03", "\x15", "\r", "\x1b"], ids=["Ctrl-C", "emptied", "unchanged", "Esc"])
async def test_an_edit_that_is_left_changes_nothing(alice: MemoryAccount, bob: Peer, keys: str) -> None:
    async with chatting(alice, bob) as room:
        room.type("first\r")
        await room.until(lambda: "first" in room.above)
        room.type("\x1b[A")
        await room.until(lambda: room.line == "first")
        # What was typed before is no version of it.
        room.type(f"\x1b[A{keys}")
        await room.until(lambda: not room.line)
        room.type("second\r")
        await room.until(lambda: "second" in room.above)
        assert [(message.text, message.edited) for message in bob.conversation] == [("first", False), ("second", False)]


async def test_up_brings_back_what_could_not_be_done(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        room.type("first\r")
        await room.until(lambda: "first" in room.above)
        room.type(f"/edit {bob.conversation[0].id[:8]} one\r")
        await room.until(lambda: "one" in room.above)
        alice.vault.full = True
        room.type("\x1b[A")
        await room.until(lambda: room.line == "one")
        room.type(" and two\r")
        await room.until(lambda: "The disk is full" in room.shown)
        alice.vault.full = False
        room.type("\x1b[A")
        await room.until(lambda: room.line == f"/edit {bob.conversation[0].id[:8]} one and two")
        room.type("\r")
        await room.until(lambda: "one and two" in room.above)
        assert len(bob.conversation) == 1


async def test_a_name_is_completed_and_mentions_that_person(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        room.type("Is 2*3 right, @b\t")
        await room.until(lambda: room.line == "Is 2*3 right, @Bob ")
        room.type("\r")
        await room.until(lambda: "Is 2*3 right, @Bob" in room.above)
        [message] = bob.conversation
        assert f"[@Bob]({peer_uri(bob.core.peer)})" in (message.text or "")
        room.type("\x1b[A")
        await room.until(lambda: room.line == "Is 2*3 right, @Bob")
        room.type(" or not?\r")
        await room.until(lambda: "or not?" in room.above)
        bob.receive()
        assert [each.mentions_us for each in bob.core.history(alice)] == [True]
        room.type("mail x@Bob.example, @Bobby\r")
        await room.until(lambda: "@Bobby" in room.above)
        assert bob.conversation[-1].content_type.startswith("text/plain")


async def test_what_was_markdown_stays_markdown(alice: MemoryAccount, bob: Peer) -> None:
    await alice.app.messages.send("Bob", "*really*, @Bob", markdown=True, mentions=["Bob"])
    async with chatting(alice, bob) as room:
        room.type("\x1b[A")
        await room.until(lambda: room.line == "*really*, @Bob")
        room.type("?\r")
        await room.until(lambda: bob.conversation[0].edited)
        assert bob.conversation[0].text == f"*really*, [@Bob]({peer_uri(bob.core.peer)})?"


async def test_a_reaction_is_taken_back(alice: MemoryAccount, bob: Peer) -> None:
    message = bob.write("hello").id
    async with chatting(alice, bob) as room:
        room.type(f"/react {message[:8]} 👍\r")
        await room.until(lambda: "👍 1" in room.shown)
        room.type(f"/react {message[:8]} 👍 --remove\r")
        await room.until(lambda: not bob.conversation[0].reactions)


async def test_what_failed_is_sent_once_more(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        room.type("hello\r")
        await room.until(lambda: "hello" in room.above)
        bob.refuse("malformed-envelope")
        await room.until(lambda: "failed" in room.shown)
        room.type(f"/retry {bob.conversation[0].id[:8]}\r")
        await room.until(lambda: "hello" in room.above)
        bob.receive()
        await room.until(lambda: "delivered" in room.shown)


async def test_a_new_timer_is_said(alice: MemoryAccount, bob: Peer) -> None:
    async with chatting(alice, bob) as room:
        await alice.app.conversations.set_timer("Bob", 7 * 86_400)
        await room.until(lambda: "Messages expire 7 d after they are read" in room.above)
        bob.receive()
        await room.until(lambda: "set by you." in room.shown)
        await room.until(lambda: "expires after 7 d" in str(room.chat._bar()))
        await alice.app.conversations.set_timer("Bob", None)
        await room.until(lambda: "Messages do not expire from now on" in room.above)


@pytest.mark.parametrize(
    ("line", "understood"),
    [
        ("/react abcdef 👍", commands.React("abcdef", "👍")),
        ("/edit abcdef one\ntwo", commands.Edit("abcdef", "one\ntwo")),
        ("/react abcdef 👍 --remove", commands.React("abcdef", "👍", remove=True)),
        ("/delete abcdef", commands.Delete("abcdef")),
        ("/delete abcdef --for-me", commands.Delete("abcdef", for_me=True)),
        ("/retry abcdef", commands.Retry("abcdef")),
        ("/info abcdef", commands.Info("abcdef")),
        ("/search  two words ", commands.Search("two words")),
    ],
)
def test_what_is_typed(line: str, understood: object) -> None:
    assert commands.read(line) == understood


@pytest.mark.parametrize(
    "line",
    [
        "/react abcdef",
        "/react abcdef --remove",
        "/edit abcdef",
        "/retry",
        "/delete",
        "/delete abcdef x",
        "/info",
        "/search ",
    ],
)
def test_what_is_half_typed_does_nothing(line: str) -> None:
    assert isinstance(commands.read(line), commands.Mistake)


async def test_an_alarm_is_shown_where_the_conversation_is(alice: MemoryAccount, bob: Peer) -> None:
    carol = alice.befriend("Carol")
    async with chatting(alice, bob) as room:
        raise_alarm(carol)
        raise_alarm(bob)
        await room.until(lambda: "somebody else may hold your keys" in " ".join(room.shown.split()))
        assert "Bob has something in your name" in " ".join(room.shown.split())
        assert "Carol" not in room.shown


def raise_alarm(peer: Peer) -> None:
    """Have somebody confirm a message of ours that was never written here."""
    peer.write_content(content.STATUS, content.encode_status([(bytes(32), content.MessageStatus.READ)]))
