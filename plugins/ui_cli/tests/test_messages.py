from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_ui_cli.output import spans
from balchat_ui_cli.render.messages import MessageList

from balchat_host.api.events import MessageAdded
from balchat_host.api.views import MessageView
from balchat_host.testing.peer import Peer
from balchat_host.testing.waiting import closing

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.memory_profiles import MemoryProfile
    from conftest import Cli


@pytest.fixture
def bob(alice: MemoryAccount) -> Peer:
    """A contact of the account that runs, who is away."""
    return alice.befriend("Bob")


# -- send


def test_send_while_balchat_runs(cli: Cli, bob: Peer) -> None:
    sent = cli.ok("send", "Bob", "Are you there?").out
    [message] = bob.conversation
    assert message.text == "Are you there?"
    assert sent == f"{message.id[:8]} queued\n"


def test_send_gives_the_message_as_json(cli: Cli, bob: Peer) -> None:
    message = cli.json("send", "Bob", "Grüße 👋")
    assert set(message) == {field.name for field in dataclasses.fields(MessageView)}
    assert len(message["id"]) == 64
    assert message["author"] is None
    assert message["text"] == "Grüße 👋"
    assert message["state"] == "queued"


def test_send_without_balchat_queues_and_says_that_nothing_runs(cli: Cli, profile: MemoryProfile, key: str) -> None:
    profile.account.befriend("Bob")
    sent = cli("send", "Bob", "hello", key)
    assert sent.code == 0
    assert "queued" in sent.out
    assert "balchat is not running" in sent.err
    assert "balchat up" in sent.err
    [message] = cli.ok("history", "Bob", "--json", key).json_lines
    assert (message["text"], message["state"]) == ("hello", "queued")


def test_the_remark_that_nothing_runs_is_json_too(cli: Cli, profile: MemoryProfile, key: str) -> None:
    profile.account.befriend("Bob")
    sent = cli("send", "Bob", "hello", key, "--json")
    assert sent.json["state"] == "queued"
    assert json.loads(sent.err)["warning"]["code"] == "not-running"


def test_a_note_to_oneself_is_not_said_to_wait(cli: Cli, profile: MemoryProfile, key: str) -> None:
    profile.account.befriend("Bob")
    sent = cli.ok("send", "me", "Buy milk.", key)
    assert "delivered" in sent.out
    assert not sent.err


def test_wait_without_balchat_writes_nothing(cli: Cli, profile: MemoryProfile, key: str) -> None:
    bob = profile.account.befriend("Bob")
    for goal in ("sent", "delivered"):
        result = cli("send", "Bob", "hello", "--wait", goal, key, "--json")
        assert (result.code, result.error["code"], result.out) == (6, "not-running", "")
    assert not bob.conversation


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_the_text_from_standard_input(cli: Cli, bob: Peer, arguments: list[str]) -> None:
    cli.ok("send", "Bob", *arguments, stdin=b"zwei\nZeilen\n\n")
    [message] = bob.conversation
    assert message.text == "zwei\nZeilen\n"


def test_text_that_looks_like_an_option(cli: Cli, bob: Peer) -> None:
    cli.ok("send", "Bob", "--", "--json")
    [message] = bob.conversation
    assert message.text == "--json"


def test_too_long_a_text_is_refused_before_anything_else(cli: Cli, profile: MemoryProfile) -> None:
    # The passphrase would be asked for, were the text not looked at first.
    result = cli("send", "Bob", "--json", stdin=b"x" * 100_000)
    assert (result.code, result.error["code"]) == (3, "text-too-long")
    fits = cli("send", "Bob", "--json", stdin=b"x" * 32768 + b"\n")
    assert fits.error["code"] != "text-too-long"


@pytest.mark.parametrize("stdin", [b"", b"\n", b"\xff\xfe"])
def test_text_that_is_none(cli: Cli, bob: Peer, stdin: bytes) -> None:
    result = cli("send", "Bob", "--json", stdin=stdin)
    assert (result.code, result.error["code"]) == (3, "bad-input")
    assert not bob.conversation


def test_an_argument_that_is_no_text(cli: Cli, bob: Peer) -> None:
    result = cli("send", "Bob", "\udcff", "--json")
    assert (result.code, result.error["code"]) == (2, "usage")


def test_reply(cli: Cli, bob: Peer) -> None:
    asked = bob.write("Are you there?")
    reply = cli.json("send", "Bob", "Always.", "--reply-to", asked.id[:8])
    assert reply["in_reply_to"] == asked.id
    result = cli("send", "Bob", "Always.", "--reply-to", "ffffffff", "--json")
    assert (result.code, result.error["code"]) == (5, "no-such-message")


def test_a_full_disk(cli: Cli, alice: MemoryAccount, bob: Peer) -> None:
    alice.vault.full = True
    result = cli("send", "Bob", "hello", "--json")
    assert (result.code, result.error["code"]) == (7, "storage-full")


@pytest.fixture
def meanwhile(alice: MemoryAccount, bob: Peer, profile: MemoryProfile) -> Callable[..., None]:
    """Has Bob do something as soon as a message is written, while a command runs."""

    def set_step(step: Callable[[Peer], object]) -> None:
        async def go() -> None:
            async with closing(alice.app.events.follow(after=0)) as events:
                async for event in events:
                    if isinstance(event, MessageAdded):
                        step(bob)
                        return

        profile.meanwhile = go

    return set_step


@pytest.mark.parametrize(
    ("goal", "step", "state"),
    [
        ("sent", Peer.begin_to_receive, "sent"),
        ("sent", Peer.relay, "relayed"),
        ("delivered", Peer.receive, "delivered"),
        ("delivered", Peer.read, "read"),
    ],
)
def test_wait(cli: Cli, meanwhile: Callable[..., None], goal: str, step: Callable[[Peer], None], state: str) -> None:
    meanwhile(step)
    assert cli.json("send", "Bob", "hello", "--wait", goal, "--timeout", "0")["state"] == state


def test_wait_for_a_message_that_fails(cli: Cli, meanwhile: Callable[..., None]) -> None:
    meanwhile(lambda bob: bob.refuse("the contact was removed"))
    result = cli("send", "Bob", "hello", "--wait", "delivered", "--json")
    assert (result.code, result.error["code"]) == (7, "message-failed")
    assert "the contact was removed" in result.error["message"]
    assert result.json["state"] == "failed"


def test_wait_says_in_words_why_a_message_failed(cli: Cli, meanwhile: Callable[..., None]) -> None:
    meanwhile(lambda bob: bob.refuse("relay-full"))
    result = cli("send", "Bob", "hello", "--wait", "delivered")
    assert result.code == 7
    assert "The message could not be delivered: their relay is full." in result.err


def test_wait_is_over(cli: Cli, bob: Peer, meanwhile: Callable[..., None]) -> None:
    meanwhile(Peer.begin_to_receive)
    result = cli("send", "Bob", "hello", "--wait", "delivered", "--timeout", "0.05", "--json")
    assert (result.code, result.error["code"]) == (10, "timed-out")
    assert "0.05 s" in result.error["message"]
    assert result.json["state"] in {"queued", "sent"}
    assert len(bob.conversation) == 1


# -- history


def test_history_as_json(cli: Cli, bob: Peer) -> None:
    asked = bob.write("Are you there?")
    cli.ok("send", "Bob", "Always.", "--reply-to", asked.id)
    theirs, ours = cli.ok("history", "Bob", "--json").json_lines
    assert (theirs["author"], theirs["text"], theirs["state"]) == ("Bob", "Are you there?", "received")
    assert (ours["author"], ours["in_reply_to"], ours["state"]) == (None, asked.id, "queued")
    assert theirs["conversation"] == ours["conversation"]
    assert theirs["sent_at"] < ours["sent_at"]


def test_who_is_called_you_is_not_taken_for_us(cli: Cli, alice: MemoryAccount) -> None:
    alice.befriend("You").write("I owe you 100")
    cli.ok("send", "You", "No")
    theirs, ours = cli.ok("history", "You").out.splitlines()[1:]
    assert theirs.split()[2:4] == ["“You”", "I"]
    assert ours.split()[2:4] == ["you", "No"]
    assert theirs.index("I owe") == ours.index("No")


def test_history_for_a_person(cli: Cli, bob: Peer) -> None:
    asked = bob.write("Are you there?")
    answer = cli.json("send", "Bob", "Always.\nAnd you?", "--reply-to", asked.id)
    bob.receive()
    date, first, quote, second, third = cli.ok("history", "Bob").out.splitlines()
    assert date == "2027-01-15"
    assert first.split()[1:] == [asked.id[:8], "Bob", "Are", "you", "there?"]
    assert quote.split()[1:] == [answer["id"][:8], "you", "↳", "Bob:", "Are", "you", "there?"]
    assert second.strip() == "Always."
    assert third.split() == ["And", "you?", "delivered"]


@pytest.mark.parametrize(("cells", "name"), [(40, "Bob"), (80, "Bob"), (80, "B" * 40)])
def test_no_row_is_wider_than_the_terminal(alice: MemoryAccount, cells: int, name: str) -> None:
    message = alice.befriend(name).write("04:55 is when it leaves, and whoever is late walks up to the hut alone.")
    _, head, *rest = (
        "".join(span.text for span in spans(line))
        for line in MessageList(cells, name, styled=True).lines([message], {})
    )
    assert name in head
    assert all(len(line) < cells for line in (head, *rest))
    assert all(line.startswith(" " * 8) for line in rest)


def test_history_in_pages(cli: Cli, bob: Peer) -> None:
    ids = [bob.write(f"number {number}").id for number in range(5)]
    last = cli.ok("history", "Bob", "--limit", "2", "--json").json_lines
    assert [message["id"] for message in last] == ids[3:]
    earlier = cli.ok("history", "Bob", "--limit", "2", "--before", ids[3], "--json").json_lines
    assert [message["id"] for message in earlier] == ids[1:3]


def test_history_has_limits(cli: Cli, bob: Peer) -> None:
    for limit in ("0", "1001", "-1", "many"):
        assert cli("history", "Bob", "--limit", limit).code == 2


def test_content_that_is_not_text(cli: Cli, bob: Peer) -> None:
    bob.write_content("image/png")
    assert "[image/png: this version cannot show it]" in cli.ok("history", "Bob").out
    assert cli.json("history", "Bob")["text"] is None


def test_no_messages(cli: Cli, bob: Peer) -> None:
    empty = cli("history", "Bob")
    assert (empty.code, empty.out, empty.err) == (0, "", "No messages yet.\n")


# -- listen


def test_listen_as_json(cli: Cli, alice: MemoryAccount, bob: Peer) -> None:
    start = anyio.run(alice.app.events.cursor)
    heard = bob.write("hello")
    ours = cli.json("send", "Bob", "hi")
    bob.begin_to_receive()
    alice.stranger("Dave").ask("hello!")
    added, ours_added, state, request = cli.ok("listen", "--from", f"{start}", "--count", "4", "--json").json_lines
    assert list(added)[:2] == ["cursor", "type"]
    assert (added["type"], added["message"]["id"]) == ("message.added", heard.id)
    assert ours_added["message"]["author"] is None
    assert (state["type"], state["message"]["id"], state["message"]["state"]) == ("message.changed", ours["id"], "sent")
    assert state["changed"] == ["state"]
    assert (request["type"], request["request"]["name"]) == ("request.received", "Dave")
    assert added["cursor"] < ours_added["cursor"] < state["cursor"] < request["cursor"]


def test_listen_hears_what_happens_from_now_on(cli: Cli, bob: Peer, profile: MemoryProfile) -> None:
    bob.write("before")

    async def talk() -> None:
        await anyio.wait_all_tasks_blocked()
        bob.write("now")

    profile.meanwhile = talk
    assert cli.ok("listen", "--count", "1", "--json").json["message"]["text"] == "now"


def test_listen_from_events_that_are_gone(cli: Cli, alice: MemoryAccount, bob: Peer) -> None:
    alice.pass_time(365 * 24 * 3600)
    result = cli("listen", "--from", "0", "--json")
    assert (result.code, result.error["code"]) == (3, "cursor-too-old")
    assert result.error["fields"] == {"cursor": 0, "oldest": 4}


def test_listen_for_a_person_is_one_line_an_event(cli: Cli, bob: Peer) -> None:
    heard = bob.write("two\nlines")
    [line] = cli.ok("listen", "--from", "3", "--count", "1").out.splitlines()
    assert line.endswith(f"Bob: two ⏎ lines  [{heard.id[:8]}]")


def test_listen_needs_a_running_balchat(cli: Cli, profile: MemoryProfile) -> None:
    result = cli("listen", "--json")
    assert (result.code, result.error["code"]) == (6, "not-running")


# -- chat, for programs


def test_chat_lines(cli: Cli, bob: Peer) -> None:
    asked = bob.write("Are you there?")
    lines = [{"text": "Always."}, {"text": "And you?", "reply_to": asked.id[:8]}]
    printed = cli.ok("chat", "Bob", "--json", stdin=b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    events = printed.json_lines
    assert [event["type"] for event in events] == ["message.added", "message.added"]
    assert [event["message"]["text"] for event in events] == ["Always.", "And you?"]
    assert [event["message"]["in_reply_to"] for event in events] == [None, asked.id]


def test_chat_lines_go_on_after_a_wrong_one(cli: Cli, bob: Peer) -> None:
    wrong = [b"hello", b"[]", b'{"text": 1}', b'{"text": "x", "more": 1}', b'{"text": "x", "reply_to": "ffffffff"}']
    result = cli("chat", "Bob", "--json", stdin=b"\n".join([*wrong, b'{"text": "right"}']))
    assert result.code == 0
    codes = [json.loads(line)["error"]["code"] for line in result.err.splitlines()]
    assert codes == ["bad-input"] * 4 + ["no-such-message"]
    assert result.json["message"]["text"] == "right"


def test_errors_about_chat_lines_name_the_line(cli: Cli, bob: Peer) -> None:
    long = b'{"text": "%s"}' % (b"x" * 1_000_000)
    deep = b"[" * 100_000
    lines = [b'{"text": "one"}', long, deep, b"", b'{"text": "x", "reply_to": "ffffffff"}', b'{"text": "two"}\r', long]
    result = cli("chat", "Bob", "--json", stdin=b"\n".join(lines))
    assert result.code == 0
    errors = [json.loads(line)["error"] for line in result.err.splitlines()]
    assert [error["fields"]["line"] for error in errors] == [2, 3, 4, 5, 7]
    assert all(error["message"].startswith(f"Standard input, line {error['fields']['line']}: ") for error in errors)
    assert [error["code"] for error in errors] == [
        "bad-input",
        "bad-input",
        "bad-input",
        "no-such-message",
        "bad-input",
    ]
    texts = [event["message"]["text"] for event in result.json_lines if event["type"] == "message.added"]
    assert texts == ["one", "two"]


def test_a_byte_order_mark_before_chat_lines_is_no_part_of_them(cli: Cli, bob: Peer) -> None:
    assert cli.ok("chat", "Bob", "--json", stdin=b'\xef\xbb\xbf{"text": "one"}\n').json["message"]["text"] == "one"


def test_what_a_chat_printed_is_unread_until_a_line_says_so(
    cli: Cli, bob: Peer, profile: MemoryProfile, meanwhile: Callable[..., None]
) -> None:
    meanwhile(lambda bob: bob.write("Always."))
    written = [b'{"text": "Are you there?"}', b'{"text": "Well?"}']
    events = cli.ok("chat", "Bob", "--json", stdin=b"\n".join(written)).json_lines
    [heard] = [event["message"] for event in events if event.get("message", {}).get("text") == "Always."]
    assert bob.contact.unread == 1
    profile.meanwhile = None
    cli.ok("chat", "Bob", "--json", stdin=json.dumps({"read": heard["id"]}).encode())
    assert bob.contact.unread == 0


def test_chat_without_a_terminal(cli: Cli, bob: Peer) -> None:
    result = cli("chat", "Bob")
    assert result.code == 3
    assert "needs a terminal" in result.err


# -- search


def test_search_shows_where_and_what(cli: Cli, bob: Peer) -> None:
    cli.ok("send", "Bob", "The café at the harbour is closed.")
    cli.ok("send", "me", "Go to the cafe.")
    shown = cli.ok("search", "CAFÉ").out.splitlines()
    assert len(shown) == 2
    assert "Notes to self" in shown[0]
    assert "you: Go to the cafe." in shown[0]
    assert "you: The café at the harbour is closed." in shown[1]
    assert len(cli.ok("search", "cafe", "--in", "Bob").out.splitlines()) == 1


def test_search_goes_on_where_it_ended(cli: Cli, bob: Peer) -> None:
    for number in range(3):
        cli.ok("send", "Bob", f"number {number}")
    first = cli.json("search", "number", "--limit", "2")
    assert [hit["message"]["text"] for hit in first["hits"]] == ["number 2", "number 1"]
    assert "--before" in cli("search", "number", "--limit", "2").err
    rest = cli.json("search", "number", "--before", first["resume_before"])
    assert [hit["message"]["text"] for hit in rest["hits"]] == ["number 0"]


def test_search_that_finds_nothing_says_so(cli: Cli, bob: Peer) -> None:
    found = cli("search", "nothing", "--since", "yesterday")
    assert (found.code, found.out) == (0, "")
    assert "Nothing was found." in found.err


def test_search_takes_days_as_they_are_typed(cli: Cli, bob: Peer) -> None:
    cli.ok("send", "Bob", "harbour")
    assert cli.json("search", "harbour", "--until", "1d")["hits"] == []
    assert cli("search", "harbour", "--since", "soon").code == 3
