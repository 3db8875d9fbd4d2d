"""Two people over real onion services, who write to each other by their pages."""

from collections.abc import Callable

import pytest

from tests.support.pages import pages, see, write
from tests.support.people import Person

pytestmark = [pytest.mark.tor, pytest.mark.slow]


def test_two_people_write_to_each_other_by_their_pages(onion_person: Callable[..., Person]) -> None:
    alice, bob = onion_person("Alice"), onion_person("Bob")
    alice.ask("contacts", "add", bob.code(), "--introduction", "from the library")
    bob.events.until(lambda event: event["type"] == "request.received")
    bob.ask("requests", "accept", "Alice")
    alice.events.until(lambda event: event["type"] == "contact.changed" and event["contact"]["state"] == "active")
    with alice.web() as one, bob.web() as other, pages() as open_page:
        ours, theirs = open_page(one), open_page(other)
        write(ours, "Bob", "Do you see this page?")
        write(theirs, "Alice", "I do, and this is mine.")
        see(ours, "I do, and this is mine.")
        see(theirs, "Do you see this page?")
    assert {message["text"] for message in bob.history("Alice")} == {
        "Do you see this page?",
        "I do, and this is mine.",
    }
