"""Conversations from the command line: listed, muted, archived, unread; pages of history; sending once more."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.api.views import ConversationView

if TYPE_CHECKING:
    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.peer import Peer
    from conftest import Cli


@pytest.fixture
def bob(alice: MemoryAccount) -> Peer:
    """A contact of the account that runs, who is away."""
    return alice.befriend("Bob")


def shown(cli: Cli, title: str, *options: str) -> dict[str, object]:
    """Return a conversation as `conversations list --json` prints it."""
    listed = cli.ok("conversations", "list", *options, "--json").json_lines
    return next(each for each in listed if each["title"] == title)


def test_the_list_says_what_there_is_to_know(cli: Cli, bob: Peer) -> None:
    bob.write("one")
    bob.write("two")
    cli.ok("conversations", "mute", "Bob")
    cli.ok("conversations", "draft", "me", "Milk,\nand bread")
    first, second = cli.ok("conversations", "list").out.splitlines()
    assert first.split()[0] == "Bob"
    assert first.endswith("2 unread, muted")
    assert second.endswith("draft: Milk,")


def test_the_list_as_json(cli: Cli, bob: Peer) -> None:
    message = bob.write("hello")
    conversation = shown(cli, "Bob")
    assert set(conversation) == {field.name for field in dataclasses.fields(ConversationView)}
    assert (conversation["unread"], conversation["first_unread"]) == (1, message.id)


def test_what_is_archived_is_in_a_list_of_its_own_until_a_message_comes(cli: Cli, bob: Peer) -> None:
    assert cli.ok("conversations", "archive", "Bob").out == "Bob is archived.\n"
    assert "Bob" not in cli.ok("conversations", "list").out
    assert "archived" in cli.ok("conversations", "list", "--archived").out
    bob.write("hello")
    assert "Bob" in cli.ok("conversations", "list").out
    cli.ok("conversations", "archive", "Bob")
    assert cli.ok("conversations", "unarchive", "Bob").out == "Bob is not archived.\n"
    assert "No conversation is archived." in cli("conversations", "list", "--archived").err


def test_muting_for_some_hours(cli: Cli, bob: Peer) -> None:
    assert cli.ok("conversations", "mute", "Bob").out == "Bob is muted.\n"
    assert cli.json("conversations", "mute", "Bob", "--for", "100000")["muted_until"] is not None
    assert cli.ok("conversations", "unmute", "Bob").out == "Bob is not muted.\n"


def test_marking_as_unread_and_as_read(cli: Cli, bob: Peer) -> None:
    message = bob.write("hello")
    assert cli.ok("conversations", "unread", "Bob").out == "Bob: 1 unread.\n"
    assert shown(cli, "Bob")["first_unread"] == message.id
    assert cli.ok("conversations", "read", "Bob").out == "Bob is read.\n"
    assert shown(cli, "Bob")["unread"] == 0
    assert cli.json("conversations", "read", "me")["unread"] == 0


def test_a_draft_is_kept_and_ended(cli: Cli, bob: Peer) -> None:
    assert cli.ok("conversations", "draft", "Bob", "half a").out == "The draft for Bob is kept.\n"
    assert shown(cli, "Bob")["draft"] == "half a"
    assert cli.ok("conversations", "draft", "Bob", "").out == "There is no draft for Bob.\n"
    cli.ok("conversations", "draft", "Bob", "half a")
    cli.ok("send", "Bob", "half a")
    assert shown(cli, "Bob")["draft"] == ""


@pytest.mark.usefixtures("bob")
def test_one_that_is_not_there(cli: Cli) -> None:
    result = cli("conversations", "mute", "Bbo")
    assert result.code == 5
    assert "Bbo" in result.err


def texts(cli: Cli, *options: str) -> list[str]:
    return [message["text"] for message in cli.ok("history", "Bob", *options, "--json").json_lines]


def test_history_leads_both_ways_and_around(cli: Cli, bob: Peer) -> None:
    ids = [bob.write(f"{number}").id for number in range(6)]
    assert texts(cli, "--limit", "2") == ["4", "5"]
    assert texts(cli, "--limit", "2", "--before", ids[4]) == ["2", "3"]
    assert texts(cli, "--limit", "2", "--after", ids[1]) == ["2", "3"]
    assert texts(cli, "--limit", "3", "--around", ids[3]) == ["2", "3", "4"]
    assert "No messages after that one." in cli("history", "Bob", "--after", ids[5]).err


def test_history_around_a_day(cli: Cli, alice: MemoryAccount, bob: Peer) -> None:
    bob.write("long ago")
    alice.pass_time(7 * 24 * 3600)
    later = bob.write("a week later")
    day = datetime.fromtimestamp(later.sent_at / 1000, UTC).astimezone()
    assert texts(cli, "--limit", "1", "--date", f"{day:%Y-%m-%d}") == ["a week later"]
    assert texts(cli, "--limit", "1", "--date", "2001-01-01") == ["long ago"]
    assert texts(cli, "--limit", "1", "--date", "9999d") == ["long ago"]
    assert "yesterday" in cli("history", "Bob", "--date", "soon").err


def test_history_takes_one_way_to_say_which_page(cli: Cli, bob: Peer) -> None:
    message = bob.write("hello").id
    assert cli("history", "Bob", "--before", message, "--after", message).code == 2


def test_what_failed_is_sent_once_more(cli: Cli, alice: MemoryAccount, bob: Peer) -> None:
    sent = anyio.run(alice.app.messages.send, "Bob", "hello")
    bob.refuse("storage-full")
    assert "failed: their disk is full" in cli.ok("history", "Bob").out
    assert cli.ok("retry", "Bob", sent.id[:8]).out == f"{sent.id[:8]} queued\n"
    bob.receive()
    assert bob.heard == ["hello"]
    result = cli("retry", "Bob", sent.id)
    assert (result.code, "has not failed" in result.err) == (3, True)
