"""People who are never there together, and the relays between them, as they see it: every process a real one."""

from __future__ import annotations

import os
import shutil
from random import Random
from threading import Timer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.testing.people import Person

    MakePerson = Callable[..., Person]
    MakeRelay = Callable[[], Any]

ROUNDS = int(os.environ.get("BALCHAT_RELAY_ROUNDS", "20"))
SEED = int(os.environ.get("BALCHAT_RELAY_SEED", "20261124"))


def came(text: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["type"] == "message.added" and event["message"]["text"] == text


def reached(message: str, state: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["type"] == "message.state" and (event["id"], event["state"]) == (message, state)


def became_active(event: dict[str, Any]) -> bool:
    return event["type"] == "contact.changed" and event["contact"]["state"] == "active"


def was_asked(event: dict[str, Any]) -> bool:
    return event["type"] == "request.received"


def call(person: Person, method: str, **parameters: Any) -> Any:
    """Ask a running account; a command would take half a second to start."""
    with person.socket() as socket:
        return socket.call(method, **parameters)


def write(person: Person, contact: str, *texts: str) -> list[str]:
    """Send messages; give their ids."""
    with person.socket() as socket:
        return [socket.call("send", contact=contact, text=text)["id"] for text in texts]


def history(person: Person, contact: str) -> list[dict[str, Any]]:
    return call(person, "history", contact=contact, limit=1000)


def heard(person: Person, contact: str) -> list[str]:
    """Give the texts that came from a contact, oldest first."""
    return [message["text"] for message in history(person, contact) if message["author"]]


def come(person: Person) -> None:
    """Start, and wait until all enabled transports work."""
    person.up()
    person.states.until(lambda status: all(each["phase"] == "online" for each in status["transports"].values()))


def nothing_waits(person: Person) -> None:
    """Wait until everything has left."""
    person.states.until(lambda status: status["outbox"]["waiting"] == 0, start=max(0, len(person.states.values) - 1))


def go(person: Person) -> None:
    """Leave once everything has left."""
    nothing_waits(person)
    person.down()


def settle(person: Person, *relays: Any) -> None:
    """Come for the first time, and choose relays."""
    person.up()
    for each in relays:
        call(person, "add_relay", address=each.address)
    person.states.until(lambda status: status["transports"]["transport_relay"]["phase"] == "online")


def befriend(asking: Person, asked: Person) -> None:
    """Make contacts of two people who are there."""
    call(asking, "add_contact", code=call(asked, "code")["code"])
    asked.events.until(was_asked)
    call(asked, "accept_request", request=asking.name)
    asking.events.until(became_active)
    nothing_waits(asking)
    nothing_waits(asked)


def all_reach(person: Person, messages: list[str], state: str) -> None:
    for each in messages:
        person.events.until(reached(each, state))


def states_of(person: Person, message: str) -> list[str]:
    """Give the states through which a message went."""
    events = [event for event in person.events.values if event["type"] == "message.state" and event["id"] == message]
    return [event["state"] for event in events]


def test_two_people_who_never_meet_know_each_other_and_talk(neighbour: MakePerson, relay: MakeRelay) -> None:
    between = relay()
    alice, bob = neighbour("Alice"), neighbour("Bob")
    settle(bob, between)
    onion = call(bob, "code")["onion"]
    go(bob)
    settle(alice, between)
    alice.ask("contacts", "add", onion, "--name", "Bob", "--introduction", "from the library")
    alice.events.until(lambda event: event["type"] == "contact.changed" and event["contact"]["state"] == "requested")
    early = write(alice, "Bob", "before you said yes")
    assert history(alice, "Bob")[0]["state"] == "queued"
    alice.down()

    come(bob)
    request = bob.events.until(was_asked).value["request"]
    assert (request["name"], request["introduction"]) == ("Alice", "from the library")
    call(bob, "accept_request", request="Alice")
    go(bob)

    come(alice)
    alice.events.until(became_active)
    pages = [f"page {number}" for number in range(5)]
    sent = early + write(alice, "Bob", *pages)
    all_reach(alice, sent, "relayed")
    assert [message["state"] for message in history(alice, "Bob")] == ["relayed"] * 6
    go(alice)

    come(bob)
    bob.events.until(came(pages[-1]))
    assert heard(bob, "Alice") == ["before you said yes", *pages]
    assert [message["missing_before"] for message in history(bob, "Alice")] == [0] * 6
    go(bob)

    come(alice)
    all_reach(alice, sent, "delivered")
    assert [states_of(alice, each) for each in sent] == [["sent", "relayed", "delivered"]] * 6
    go(alice)
    come(bob)
    nothing_waits(bob)
    assert heard(bob, "Alice") == ["before you said yes", *pages], "nothing comes again"


@pytest.mark.timeout(300)  # on a machine that does much else
def test_a_relay_that_dies_at_random_moments_loses_and_doubles_nothing(neighbour: MakePerson, relay: MakeRelay) -> None:
    random = Random(SEED)
    between = relay()
    alice, bob = (neighbour(name, transports=("transport_relay",)) for name in ("Alice", "Bob"))
    for each in (alice, bob):
        settle(each, between)
    befriend(alice, bob)
    there = True
    written: list[str] = []
    for number in range(ROUNDS):
        death = Timer(random.uniform(0, 0.8), between.kill)
        death.start()
        texts = [f"round {number}, part {part}" for part in range(random.randrange(1, 6))]
        write(alice, "Bob", *texts)
        written += texts
        if random.random() < 0.3:
            (random.choice((bob.down, bob.kill)) if there else bob.up)()
            there = not there
        death.join()
        between.start()
    if not there:
        bob.up()
    bob.events.until(came(written[-1]))
    ours = history(alice, "Bob")
    all_reach(alice, [message["id"] for message in ours], "delivered")
    theirs = history(bob, "Alice")
    assert [message["text"] for message in ours] == written, f"seed {SEED}"
    assert [message["id"] for message in theirs] == [message["id"] for message in ours], f"seed {SEED}"
    assert {message["missing_before"] for message in theirs} == {0}, f"seed {SEED}"
    go(bob)
    come(bob)
    nothing_waits(bob)
    added = [event["message"]["id"] for event in bob.events.values if event["type"] == "message.added"]
    assert added == [message["id"] for message in ours], "each came once, and nothing comes again"


def test_what_lay_at_a_relay_that_is_gone_for_good_comes_by_another(neighbour: MakePerson, relay: MakeRelay) -> None:
    first, second = relay(), relay()
    alice, bob = (neighbour(name, transports=("transport_relay",)) for name in ("Alice", "Bob"))
    settle(alice, second)
    settle(bob, first, second)
    befriend(alice, bob)
    bob.down()
    stranded = write(alice, "Bob", "one", "two", "three")
    all_reach(alice, stranded, "relayed")
    first.kill()
    shutil.rmtree(first.folder)

    bob.up()
    bob.states.until(lambda status: status["transports"]["transport_relay"]["phase"] == "degraded")
    gone, good = bob.ask("relay", "list")
    assert (gone["onion"], gone["state"]["phase"]) == (first.onion, "degraded")
    assert "cannot be reached" in gone["state"]["reason"]
    assert (good["onion"], good["state"]["phase"]) == (second.onion, "online")
    later = write(alice, "Bob", "four")
    came_later = bob.events.until(came("four")).value["message"]
    assert came_later["missing_before"] == 3, "that something is missing is noticed"

    bob.ask("relay", "remove", first.onion)
    all_reach(alice, stranded + later, "delivered")
    assert sorted(heard(bob, "Alice")) == ["four", "one", "three", "two"]
    assert [each["onion"] for each in call(bob, "relays")] == [second.onion]
