"""Alice and Bob once more, each with a page in a browser; it ends with a picture of both."""

import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Error

from demo.house import House
from demo.stage import Stage
from demo.telling import ActFailed
from tests.support.pages import pages, see, write
from tests.support.people import Person

_QUESTION: Final = "Do you see this page?"
_ANSWER: Final = "I do, and this is mine."


def play(stage: Stage, house: House) -> None:
    """Play the act. Raise ActFailed, and what a Person raises."""
    alice, bob = house.person("Alice", room="third"), house.person("Bob", room="third")
    _meet(stage, alice, bob)
    stage.step("Each opens a page in a browser, and they write to each other")
    for person in (alice, bob):
        stage.command(person.name, ["web"])
    try:
        kept = _write(alice, bob)
    except (Error, AssertionError) as error:
        raise ActFailed(f"a page did not do what it should: {error}") from error
    stage.good(f"both pages have both messages; their pictures stay in {kept}")


def _meet(stage: Stage, alice: Person, bob: Person) -> None:
    stage.step("Alice and Bob make accounts again, and become contacts")
    for person in (alice, bob):
        person.init()
        person.up()
        person.wait_online()
    alice.ask("contacts", "add", bob.code(), "--introduction", "Alice, from the library")
    bob.events.until(lambda event: event["type"] == "request.received")
    bob.ask("requests", "accept", "Alice")
    alice.events.until(lambda event: event["type"] == "contact.changed" and event["contact"]["state"] == "active")


def _write(alice: Person, bob: Person) -> Path:
    """Have both write by their pages; return the folder of the pictures."""
    kept = Path(tempfile.mkdtemp(prefix="balchat-pages-"))
    with alice.web() as one, bob.web() as other, pages() as open_page:
        ours, theirs = open_page(one), open_page(other)
        write(ours, "Bob", _QUESTION)
        write(theirs, "Alice", _ANSWER)
        see(ours, _ANSWER)
        see(theirs, _QUESTION)
        ours.screenshot(path=kept / "alice.png")
        theirs.screenshot(path=kept / "bob.png")
    return kept
