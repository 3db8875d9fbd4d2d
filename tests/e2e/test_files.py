"""Files between real processes: they come whole, whoever is killed on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.null_town import NullTown, befriend
from tests.support.sent_files import fetched, make_file, send_file, state_of, until_here

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.people import Person

MIB = 2**20
SIZE = 40 * MIB
EARLY, LATE = 4 * MIB, 16 * MIB
"""Octets that are here when the receiver is killed, and the sender."""


def outlives_the_deaths_of_both(alice: Person, bob: Person) -> None:
    """Have Alice send a file to Bob, and each of them be killed while it comes."""
    befriend(alice, bob)
    path = make_file(alice, "harbour.bin", SIZE)
    file = send_file(alice, bob, path)
    bob.ask("files", "resume", file)
    for killed, after in ((bob, EARLY), (alice, LATE)):
        here = until_here(bob, file, after)
        killed.kill()
        assert here < SIZE, "it was still on its way"
        killed.up()
        killed.wait_online()
        assert state_of(bob, file)["here"] >= here, "what was durable is here"
    assert fetched(bob, file) == path.read_bytes()
    alice.events.until(lambda event: event["type"] == "file.changed" and event["file"]["received_by"] == 1)
    # What was sent stays openable.
    assert fetched(alice, alice.ask("files", "list")[0]["id"]) == path.read_bytes()


@pytest.mark.tor
def test_over_onion_services_a_file_outlives_the_deaths_of_both(onion_person: Callable[..., Person]) -> None:
    outlives_the_deaths_of_both(onion_person("Alice"), onion_person("Bob"))


@pytest.mark.slow
def test_over_the_null_network_a_file_outlives_the_deaths_of_both(null_town: NullTown) -> None:
    alice, bob = null_town.person("Alice"), null_town.person("Bob")
    for person in (alice, bob):
        person.up()
        person.wait_online()
    outlives_the_deaths_of_both(alice, bob)
