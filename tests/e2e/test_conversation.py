"""Two people over real onion services, as they see it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.people import Person

pytestmark = pytest.mark.tor

MakePerson = Callable[..., Person]


def became(contact: str, state: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: (
        event["type"] == "contact.changed"
        and event["contact"]["name"] == contact
        and event["contact"]["state"] == state
    )


def came(text: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["type"] == "message.added" and event["message"]["text"] == text


def reached(message: str, state: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: (
        event["type"] == "message.changed" and (event["message"]["id"], event["message"]["state"]) == (message, state)
    )


def test_two_people_meet_talk_answer_and_see_what_was_read(onion_person: MakePerson) -> None:
    alice, bob = onion_person("Alice"), onion_person("Bob")
    alice.ask("contacts", "add", bob.code(), "--introduction", "from the library")
    asked = bob.events.until(lambda event: event["type"] == "request.received").value["request"]
    assert (asked["name"], asked["introduction"]) == ("Alice", "from the library")
    early = alice.send("Bob", "written before you said yes")
    assert early["state"] == "queued"
    bob.ask("requests", "accept", "Alice")
    alice.events.until(reached(early["id"], "delivered"))
    question = alice.send("Bob", "Are you there?", "--wait", "delivered")
    bob.events.until(came("Are you there?"))
    answer = bob.send("Alice", "Yes", "--reply-to", question["id"][:10])
    alice.events.until(came("Yes"))
    with alice.socket() as socket:
        socket.call("conversations.mark_read", conversation="Bob", up_to=answer["id"])
    bob.events.until(reached(answer["id"], "read"))
    ours, theirs = alice.history("Bob"), bob.history("Alice")
    assert [m["text"] for m in ours] == ["written before you said yes", "Are you there?", "Yes"]
    assert [m["id"] for m in ours] == [m["id"] for m in theirs]
    assert ours[2]["in_reply_to"] == ours[1]["id"] == question["id"]
    assert [m["state"] for m in theirs] == ["received", "received", "read"]


def test_both_adding_each_other_end_in_one_conversation(onion_person: MakePerson) -> None:
    alice, bob = onion_person("Alice"), onion_person("Bob")
    codes = alice.code(), bob.code()
    alice.ask("contacts", "add", codes[1])
    bob.ask("contacts", "add", codes[0])
    alice.events.until(became("Bob", "active"))
    bob.events.until(became("Alice", "active"))
    alice.send("Bob", "at once", "--wait", "delivered")
    bob.send("Alice", "indeed", "--wait", "delivered")
    assert [m["id"] for m in alice.history("Bob")] == [m["id"] for m in bob.history("Alice")]
    assert alice.ask("requests", "list") == bob.ask("requests", "list") == []


def test_adding_somebody_who_is_away_completes_when_both_are_up(onion_person: MakePerson) -> None:
    alice, bob = onion_person("Alice"), onion_person("Bob")
    code = bob.code()
    bob.down()
    alice.ask("contacts", "add", code)
    bob.up()
    bob.events.until(lambda event: event["type"] == "request.received")
    bob.ask("requests", "accept", "Alice")
    alice.events.until(became("Bob", "active"))


def test_somebody_who_is_blocked_is_not_told(onion_person: MakePerson) -> None:
    alice, bob = onion_person("Alice"), onion_person("Bob")
    alice.ask("contacts", "add", bob.code())
    bob.events.until(lambda event: event["type"] == "request.received")
    bob.ask("requests", "accept", "Alice")
    alice.events.until(became("Bob", "active"))
    bob.ask("contacts", "block", "Alice")
    unheard = alice.send("Bob", "can you hear me?", "--wait", "sent")
    assert unheard["state"] == "sent"
    assert [m["text"] for m in bob.history("Alice")] == []
    bob.ask("contacts", "unblock", "Alice")
    alice.events.until(reached(unheard["id"], "delivered"))
    assert [m["text"] for m in bob.history("Alice")] == ["can you hear me?"]
