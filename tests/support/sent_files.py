"""Files between people who run the command `balchat`: sent, fetched, looked at while they come."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.people import Person


def make_file(person: Person, name: str, size: int) -> Path:
    """Make a file of so many octets in somebody's home."""
    path = person.home / name
    path.write_bytes(random.Random(size).randbytes(size))
    return path


def send_file(sender: Person, receiver: Person, path: Path) -> str:
    """Send a file; return its id at the receiver's, who has been offered it."""
    heard = len(receiver.events.values)
    sender.send(receiver.name, f"here is {path.name}", "--file", str(path))
    offered = receiver.events.until(
        lambda event: event["type"] == "message.added" and event["message"]["text"] == f"here is {path.name}",
        start=heard,
    )
    assert offered.value["message"]["files"], "the message has it"
    return offered.value["message"]["files"][0]["id"]


def state_of(person: Person, file: str) -> dict[str, Any]:
    """Return a file as its owner's account has it now."""
    with person.socket() as socket:
        return socket.call("files.get", file=file)


def until_here(person: Person, file: str, octets: int) -> int:
    """Wait until more than so many octets of a file are here; return how many are."""
    with person.socket() as socket:
        while (here := socket.call("files.get", file=file)["here"]) <= octets:
            pass
    return here


def fetched(person: Person, file: str) -> bytes:
    """Have a file come, and return what is written."""
    folder = person.home / f"fetched {file}"
    folder.mkdir()
    person.ask("files", "get", file, "--to", str(folder))
    (path,) = folder.iterdir()
    return path.read_bytes()
