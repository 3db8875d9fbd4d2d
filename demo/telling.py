"""What acts do again and again: show a command, say something and follow it, insist that something is so."""

from collections.abc import Sequence
from typing import Any

from demo.stage import Stage
from tests.support.people import Person

Event = dict[str, Any]


class ActFailed(Exception):
    """Something did not happen that should have."""


def insist(true: bool, otherwise: str) -> None:  # noqa: FBT001  # it reads as a sentence
    """Raise ActFailed unless something is so."""
    if not true:
        raise ActFailed(otherwise)


def show(stage: Stage, person: Person, *arguments: str) -> None:
    """Show a command and what it prints for a person. Raise ActFailed where it fails."""
    stage.command(person.name, arguments)
    said = person.balchat(*arguments)
    insist(said.code == 0, f"the command ended with {said.code}:\n{said.err}")
    stage.output(said.out)


def say(stage: Stage, author: Person, reader: Person, text: str, *, reply_to: str | None = None) -> str:
    """Send one message and show each state that it comes to, until the other has it; give its id."""
    reply = ["--reply-to", reply_to[:8]] if reply_to else []
    stage.command(author.name, ["send", reader.name, text, *reply])
    message = author.send(reader.name, text, *reply)["id"]
    began = author.events.until(lambda event: is_added(event, message)).value["at"]
    stage.begin("       queued")
    at = follow(stage, author, message)
    heard = reader.events.until(lambda event: is_added(event, message)).value["message"]
    stage.more(f"   {stage.person(reader.name)} has it, {at - began} ms")
    insist((heard["text"], heard["in_reply_to"]) == (text, reply_to), f"{reader.name} got something else: {heard}")
    return message


def follow(stage: Stage, author: Person, message: str, states: Sequence[str] = ("sent", "delivered")) -> int:
    """Show how a message comes to its states; give when the last was, as the event says (Unix milliseconds)."""
    at = 0
    for state in states:
        at = author.events.until(lambda event, state=state: is_state(event, message, state)).value["at"]
        stage.more(f" → {state}")
    return at


def is_added(event: Event, message: str) -> bool:
    """Whether a message came into a conversation."""
    return event["type"] == "message.added" and event["message"]["id"] == message


def is_state(event: Event, message: str, state: str) -> bool:
    """Whether a message came to a state."""
    if event["type"] != "message.changed" or "state" not in event["changed"]:
        return False
    return (event["message"]["id"], event["message"]["state"]) == (message, state)
