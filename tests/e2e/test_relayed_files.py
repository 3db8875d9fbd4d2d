"""Files by relay between real processes that are never there together: whole, and the relay learns nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from balchat_relay.testing.program import RelayProgram

from tests.e2e.test_relayed import befriend, call, come, go, settle
from tests.support.sent_files import fetched, make_file, state_of, until_here
from tests.support.telltales import tell_tale

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from balchat_network_tor.testing import PrivateTorNetwork

    from tests.support.people import Person

    MakePerson = Callable[..., Person]

MIB = 2**20
SIZE = 3 * MIB
LARGE = 32 * MIB
"""Octets of a file that is still on its way when somebody is killed."""


def comes_although_they_never_meet(alice: Person, bob: Person, between: Any) -> None:
    """Have Alice send a file to Bob, who is away. Both are up. Who dies on the way is the next test's."""
    befriend(alice, bob)
    knows_a_relay_of(alice, "Bob")
    go(bob)
    path = make_file(alice, "harbour.bin", SIZE)
    alice.send("Bob", "here it is", "--file", str(path))
    mine = call(alice, "files.list")[0]["id"]
    left_at_relay(alice, mine, SIZE)
    go(alice)
    octets = path.read_bytes()
    come(bob)
    theirs = offered(bob)
    call(bob, "files.fetch", file=theirs)
    bob.events.until(lambda event: event["type"] == "file.changed" and event["file"]["state"] == "complete")
    assert fetched(bob, theirs) == octets
    go(bob)
    come(alice)
    alice.events.until(lambda event: event["type"] == "file.changed" and event["file"]["received_by"] == 1)
    gone_from_relay(alice, mine)
    assert [each for each in (between.path / "blobs").iterdir() if each.is_file()] == []
    go(alice)


def knows_a_relay_of(person: Person, contact: str) -> None:
    """Wait until a person has been told where to leave what a contact gets while they are away."""
    with person.socket() as socket:
        while all(route["direct"] for route in socket.call("contacts.info", contact=contact)["routes"]):
            pass


def left_at_relay(person: Person, file: str, octets: int) -> None:
    """Wait until so many octets of a file lie at a relay."""
    with person.socket() as socket:
        while socket.call("files.get", file=file)["at_relays"] < octets:
            pass


def gone_from_relay(person: Person, file: str) -> None:
    """Wait until nothing of a file lies at a relay."""
    with person.socket() as socket:
        while socket.call("files.get", file=file)["at_relays"]:
            pass


def offered(person: Person) -> str:
    """Wait until somebody offers a file; return its id."""
    came = person.events.until(lambda event: event["type"] == "message.added" and event["message"]["files"])
    return came.value["message"]["files"][0]["id"]


@pytest.mark.tor
def test_over_onion_services_a_file_comes_by_relay(
    onion_person: MakePerson, private_tor_network: PrivateTorNetwork, town: Path
) -> None:
    with RelayProgram(town / "relay") as between:
        between.make(torrc=private_tor_network.torrc_lines())
        between.start()
        alice, bob = onion_person("Alice"), onion_person("Bob")
        for each in (alice, bob):
            call(each, "relays.add", address=between.address)
            each.states.until(lambda status: status["transports"]["transport_relay"]["phase"] == "online")
        comes_although_they_never_meet(alice, bob, between)


def test_a_file_by_relay_outlives_the_deaths_of_all_three_at_each_stage(neighbour: MakePerson, relay: Any) -> None:
    alice, bob, between = neighbour("Alice"), neighbour("Bob"), relay()
    for each in (alice, bob):
        settle(each, between)
    befriend(alice, bob)
    knows_a_relay_of(alice, "Bob")
    go(bob)
    path = make_file(alice, "harbour.bin", LARGE)
    alice.send("Bob", "here it is", "--file", str(path))
    mine = call(alice, "files.list")[0]["id"]

    left_at_relay(alice, mine, 3 * MIB)
    assert die_together(alice, between, mine)["at_relays"] < LARGE, "it was still being left there"
    left_at_relay(alice, mine, LARGE)
    go(alice)
    octets = path.read_bytes()
    secrets: dict[str, str | bytes] = {"the file": octets[:4096], "its end": octets[-4096:], "its name": "harbour.bin"}
    assert tell_tale(between.path, secrets) == []

    come(bob)
    theirs = offered(bob)
    call(bob, "files.fetch", file=theirs)
    here = until_here(bob, theirs, 3 * MIB)
    after = die_together(bob, between, theirs)
    assert here <= after["here"] < LARGE, "what was durable is here, and it was still on its way"
    bob.events.until(lambda event: event["type"] == "file.changed" and event["file"]["state"] == "complete")
    assert fetched(bob, theirs) == octets
    go(bob)

    come(alice)
    alice.events.until(lambda event: event["type"] == "file.changed" and event["file"]["received_by"] == 1)
    die_together(alice, between, mine)
    gone_from_relay(alice, mine)
    assert [each for each in (between.path / "blobs").iterdir() if each.is_file()] == []
    assert state_of(alice, mine)["received_by"] == 1
    go(alice)


def die_together(person: Person, between: Any, file: str) -> dict[str, Any]:
    """Kill somebody and the relay; return the file as it is after the next start."""
    person.kill()
    between.kill()
    person.up()
    found = state_of(person, file)
    between.start()
    return found
