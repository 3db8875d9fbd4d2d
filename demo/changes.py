"""What Alice and Bob do with messages that they already have: edit, react, delete, let one expire, search."""

from typing import Any, Final

from demo.stage import Stage
from demo.telling import Event, insist, is_added, say, show
from tests.support.people import Person

_CORRECTED: Final = "Fourth shelf, behind the atlas."
_REGRETTED: Final = "The key is under the mat."
_BRIEF: Final = "The alarm code is 4711."
_LASTS: Final = "3s"
_GONE: Final = ("third", "mat", "alarm")


def change(stage: Stage, alice: Person, bob: Person, answer: str) -> None:
    """Have a message edited and reacted to, and another one deleted. `answer` is the id of one of Alice's."""
    stage.step("Alice corrects her answer, Bob reacts to it; then she deletes something for both of them")
    show(stage, alice, "edit", "Bob", answer[:8], _CORRECTED)
    _changed(bob, answer, lambda message: message["text"] == _CORRECTED)
    show(stage, bob, "react", "Alice", answer[:8], "👍")
    _changed(alice, answer, lambda message: message["reactions"])
    regretted = say(stage, alice, bob, _REGRETTED)
    show(stage, alice, "delete", "Bob", regretted[:8])
    _changed(bob, regretted, lambda message: message["deleted"])
    show(stage, bob, "history", "Alice", "--limit", "2")


def let_expire(stage: Stage, alice: Person, bob: Person) -> None:
    """Have a message of Alice's expire on both sides. Bob reads it as a front end does."""
    stage.step("She writes what nobody should keep: it goes three seconds after it is read")
    stage.command(alice.name, ["send", "Bob", _BRIEF, "--expires", _LASTS])
    brief = alice.send("Bob", _BRIEF, "--expires", _LASTS)["id"]
    bob.events.until(lambda event: is_added(event, brief))
    with bob.socket() as socket:
        socket.call("conversations.mark_read", conversation="Alice", up_to=brief)
    for person in (alice, bob):
        person.events.until(lambda event: event["type"] == "message.removed" and event["id"] == brief)
    stage.good("gone on both sides")


def search(stage: Stage, bob: Person) -> None:
    """Have Bob find what is there, and not what is gone."""
    stage.step("Bob looks for the book")
    show(stage, bob, "search", "atlas")
    with bob.socket() as socket:
        hits = {word: socket.call("messages.search", words=word)["hits"] for word in ("atlas", *_GONE)}
    texts = [hit["message"]["text"] for word in hits for hit in hits[word]]
    insist(texts == [_CORRECTED], f"this is what he finds: {texts}")
    stage.good("what was corrected, deleted or has expired is not found any more")


def _changed(person: Person, message: str, expected: Any) -> None:
    def is_it(event: Event) -> bool:
        return event["type"] == "message.changed" and event["message"]["id"] == message and expected(event["message"])

    person.events.until(is_it)
