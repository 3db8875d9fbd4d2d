"""A process that dies at any of its commits loses nothing, doubles nothing and goes on."""

from __future__ import annotations

import os
from itertools import count
from typing import Any

import pytest

from tests.support.survivor import Survivor

PATIENCE = 1500
LOOKS = 2000
STEP = int(os.environ.get("BALCHAT_CRASH_STEP", "2"))
"""Where 2, a death before each odd commit of one and after each even one, and the other way round; 1 is all of both."""


def is_request(event: dict[str, Any]) -> bool:
    return event["type"] == "request.received"


def is_active(event: dict[str, Any]) -> bool:
    return event["type"] == "contact.changed" and event["contact"]["state"] == "active"


def has_state(message: str, *states: str) -> Any:
    return lambda event: (
        event["type"] == "message.changed" and event["message"]["id"] == message and event["message"]["state"] in states
    )


def converse(alice: Survivor, bob: Survivor) -> None:
    """Everything that two people do, from the first contact on."""
    code = bob.call("account.code")["code"]
    alice.call("contacts.add", code=code, introduction="Alice, from the library")
    early = alice.write("Bob", "written before Bob said yes")
    bob.until(is_request, beside=alice)
    bob.call("requests.accept", request="Alice")
    for one, other in ((alice, bob), (bob, alice)):
        one.until(is_active, beside=other)
    alice.until(has_state(early, "delivered"), beside=bob)
    answer = bob.write("Alice", "first of Bob")
    texts = [alice.write("Bob", f"{number} of Alice") for number in range(3)]
    bob.until(has_state(answer, "delivered"), beside=alice)
    alice.until(has_state(texts[-1], "delivered"), beside=bob)
    bob.call("conversations.mark_read", conversation="Alice", up_to=texts[-1])
    alice.until(has_state(texts[-1], "read"), beside=bob)
    last = bob.write("Alice", "last of Bob")
    bob.until(has_state(last, "delivered"), beside=alice)


def require_same(alice: Survivor, bob: Survivor) -> None:
    written = {
        "Alice": ["written before Bob said yes", "0 of Alice", "1 of Alice", "2 of Alice"],
        "Bob": ["first of Bob", "last of Bob"],
    }
    for author, reader in ((alice, bob), (bob, alice)):
        ours = [m for m in author.call("messages.history", conversation=reader.person.name) if m["author"] is None]
        theirs = [
            m for m in reader.call("messages.history", conversation=author.person.name) if m["author"] is not None
        ]
        assert [m["text"] for m in ours] == written[author.person.name]
        assert [m["id"] for m in theirs] == [m["id"] for m in ours]
        assert {m["state"] for m in ours} <= {"delivered", "read"}
        require_nothing_waits(author, reader)


def require_nothing_waits(author: Survivor, reader: Survivor) -> None:
    """What their programs give each other for the next era may still be on its way."""
    for _ in range(LOOKS):
        reader.call("events.cursor")
        if author.call("status.get")["outbox"]["waiting"] == 0:
            return
    raise AssertionError("something waits for ever")


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE)
@pytest.mark.parametrize(("alices", "bobs", "first"), [("before", "after", 1), ("after", "before", STEP)])
def test_a_death_at_every_commit(make_pair: Any, die_at: Any, alices: str, bobs: str, first: int) -> None:
    survived = 0
    for at in count(first, STEP):
        alice, bob = (
            Survivor(somebody, revive=lambda somebody=somebody: die_at(somebody, "before", 0))
            for somebody in make_pair()
        )
        for one, when in ((alice, alices), (bob, bobs)):
            die_at(one.person, when, at)
            one.start()
        converse(alice, bob)
        require_same(alice, bob)

        survived = survived + 1 if not alice.deaths + bob.deaths else 0
        # How many commits there are differs a little from time to time.
        if survived == 2:
            break
    assert at > 20, "there were hardly any commits to die at"
