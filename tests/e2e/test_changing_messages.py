"""Edits, deletions, reactions, timers, expiry and mentions between real processes: over real Tor, and by a relay."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.programs import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.people import Person

    MakePerson = Callable[..., Person]

WEEK = 7 * 86_400


def call(person: Person, method: str, **parameters: Any) -> Any:
    with person.socket() as socket:
        return socket.call(method, **parameters)


def write(author: Person, reader: Person, text: str, **more: Any) -> str:
    return call(author, "messages.send", conversation=reader.name, text=text, **more)["id"]


def hears(person: Person, text: str) -> dict[str, Any]:
    """Wait until a message comes; return it. What was said before it is there then, too."""
    event = person.events.until(lambda event: event["type"] == "message.added" and event["message"]["text"] == text)
    return event.value["message"]


def is_delivered(person: Person, message: str) -> None:
    def so(event: dict[str, Any]) -> bool:
        return (
            event["type"] == "message.changed"
            and event["message"]["id"] == message
            and event["message"]["state"] in {"delivered", "read"}
        )

    person.events.until(so)


def is_gone(person: Person, message: str) -> None:
    person.events.until(lambda event: event["type"] == "message.removed" and event["id"] == message)


def shown(person: Person, other: Person) -> list[Any]:
    """Return what somebody sees of a conversation, so that both can be compared."""
    found = call(person, "messages.history", conversation=other.name, limit=1000)
    return sorted(
        (
            message["id"],
            message["text"],
            message["edited"],
            message["deleted"],
            sorted((each["emoji"], each["count"]) for each in message["reactions"]),
            message["timer"] is not None and message["timer"]["expire_after"],
        )
        for message in found
    )


def befriend(alice: Person, bob: Person) -> None:
    call(alice, "contacts.add", code=call(bob, "account.code")["code"])
    bob.events.until(lambda event: event["type"] == "request.received")
    call(bob, "requests.accept", request=alice.name)
    alice.events.until(lambda event: event["type"] == "contact.changed" and event["contact"]["state"] == "active")


def change_everything(author: Person, reader: Person) -> dict[str, str]:
    """Have one of two people do all that can be done with messages; return the ids of some."""
    theirs = write(reader, author, f"something of {reader.name}")
    hears(author, f"something of {reader.name}")
    edited, deleted = write(author, reader, "first"), write(author, reader, "never mind")
    call(author, "messages.edit", message=edited, text="second")
    for emoji in ("👍", "🎉"):
        call(author, "messages.react", message=theirs, emoji=emoji)
    call(author, "messages.react", message=theirs, emoji="🎉", remove=True)
    call(author, "messages.delete", message=deleted)
    call(author, "conversations.set_timer", conversation=reader.name, seconds=WEEK)
    write(author, reader, f"do come, @{reader.name}", mentions=[reader.name])
    call(author, "conversations.set_timer", conversation=reader.name, seconds=None)
    expiring = write(author, reader, f"soon gone, says {author.name}", expires_after=1)
    hears(reader, f"soon gone, says {author.name}")
    call(reader, "conversations.mark_read", conversation=author.name, up_to=expiring)
    for each in (author, reader):
        is_gone(each, expiring)
    last = write(author, reader, f"that is all of {author.name}")
    hears(reader, f"that is all of {author.name}")
    is_delivered(author, last)
    return {"edited": edited, "deleted": deleted, "theirs": theirs}


def went(author: Person, message: str, *, direct: bool) -> list[tuple[object, ...]]:
    """Return how far each change has come, and whether directly and by no relay.

    The reader may say that they have it before the relay has answered; it is known a moment later which one it was.
    """
    give_up = time.monotonic() + PATIENCE
    while True:
        found = [
            (
                change["kind"],
                receipt["state"],
                (receipt["way"] or {}).get("direct"),
                (receipt["way"] or {}).get("relay"),
            )
            for change in call(author, "messages.info", message=message)["changes"]
            for receipt in change["receipts"]
        ]
        if direct or all(relay for *_, relay in found) or time.monotonic() > give_up:
            return [(*each, relay is None) for *each, relay in found]


def require_same(author: Person, reader: Person, said: dict[str, str], *, direct: bool) -> None:
    """See that both see the same, and that the author knows that the reader has all of it, and by which way."""
    assert shown(author, reader) == shown(reader, author)
    there = {message["id"]: message for message in call(reader, "messages.history", conversation=author.name)}
    assert (there[said["edited"]]["text"], there[said["edited"]]["edited"]) == ("second", True)
    assert there[said["deleted"]]["deleted"]
    assert [each["emoji"] for each in there[said["theirs"]]["reactions"]] == ["👍"]
    mentions = [message for message in there.values() if message["mentions_us"]]
    assert [(message["expires_after"], message["text"].partition("]")[0]) for message in mentions] == [
        (WEEK, f"do come, [@{reader.name}")
    ]
    for which, kinds in (("edited", ["edit"]), ("deleted", ["delete"]), ("theirs", ["react", "take-back"])):
        assert went(author, said[which], direct=direct) == [(kind, "delivered", direct, direct) for kind in kinds]
    came = call(reader, "messages.info", message=said["edited"])
    assert came["way"]["direct"] == direct
    assert [version["text"] for version in came["versions"]] == ["first", "second"]


def converse(alice: Person, bob: Person, *, direct: bool) -> None:
    befriend(alice, bob)
    for author, reader in ((alice, bob), (bob, alice)):
        require_same(author, reader, change_everything(author, reader), direct=direct)


@pytest.mark.tor
def test_all_that_can_be_done_with_messages_over_tor(onion_person: MakePerson) -> None:
    converse(onion_person("Alice"), onion_person("Bob"), direct=True)


def test_all_that_can_be_done_with_messages_by_a_relay(neighbour: MakePerson, relay: Callable[[], Any]) -> None:
    between = relay()
    alice, bob = (neighbour(name, policy="relay-only", transports=("transport_relay",)) for name in ("Alice", "Bob"))
    for each in (alice, bob):
        each.up()
        call(each, "relays.add", address=between.address)
        each.states.until(lambda status: status["transports"]["transport_relay"]["phase"] == "online")
    converse(alice, bob, direct=False)
