"""A process that dies at any commit of an edit, a deletion or an expiry does each of them once, on both sides."""

from __future__ import annotations

import shutil
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.survivor import Survivor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.local_socket import LocalSocket
    from tests.support.people import Person

PATIENCE = 1500


@pytest.fixture(scope="module")
def contacts(house: Path, accounts: Path) -> Iterator[Path]:
    """The homes of two accounts that may know each other, and are not up."""
    with tempfile.TemporaryDirectory(dir=house) as folder:
        # Sockets need a short path.
        shutil.copytree(accounts, folder, dirs_exist_ok=True)
        yield Path(folder)


def of(message: str, *, kind: str = "message.changed", states: tuple[str, ...] = ()) -> Callable[[Any], bool]:
    """Return what is true of an event about a message, which has come to one of these states."""

    def so(event: dict[str, Any]) -> bool:
        told = event.get("message", event)
        return event["type"] == kind and told.get("id") == message and (not states or told["state"] in states)

    return so


def become_contacts(alice: Person, bob: Person) -> None:
    with alice, bob:
        for each in (alice, bob):
            each.up(listen=False)
        survivors = Survivor(alice), Survivor(bob)
        survivors[0].call("contacts.add", code=survivors[1].call("account.code")["code"])
        survivors[1].until(lambda event: event["type"] == "request.received")
        survivors[1].call("requests.accept", request="Alice")
        survivors[0].until(lambda event: event["type"] == "contact.changed" and event["contact"]["state"] == "active")
        for each in (alice, bob):
            each.down()


def do_once(somebody: Survivor, message: str, is_done: Callable[[Any], bool], method: str, **parameters: Any) -> None:
    """Do something with a message, unless it was done before a death took the answer."""

    def act(socket: LocalSocket) -> None:
        if not is_done(socket.call("messages.get", message=message)):
            socket.call(method, message=message, **parameters)

    somebody.insist(act)


def change(alice: Survivor, bob: Survivor) -> None:
    edited, deleted = alice.write("Bob", "first"), alice.write("Bob", "never mind")
    bob.until(of(deleted, kind="message.added"), beside=alice)
    do_once(alice, edited, lambda there: there["edited"], "messages.edit", text="second")
    do_once(alice, deleted, lambda there: there["deleted"], "messages.delete")
    # A second one, where a death took the answer of the first, expires as well.
    expiring = alice.call("messages.send", conversation="Bob", text="soon gone", expires_after=1)["id"]
    bob.until(of(expiring, kind="message.added"), beside=alice)
    bob.call("conversations.mark_read", conversation="Alice", up_to=expiring)
    for one, other in ((alice, bob), (bob, alice)):
        one.until(of(expiring, kind="message.removed"), beside=other)
    last = alice.write("Bob", "last")
    alice.until(of(last, states=("delivered", "read")), beside=bob)


def require_same(alice: Survivor, bob: Survivor) -> None:
    for somebody, other in ((alice, "Bob"), (bob, "Alice")):
        there = somebody.call("messages.history", conversation=other)
        assert [(each["text"], each["edited"], each["deleted"]) for each in there] == [
            ("second", True, False),
            (None, False, True),
            ("last", False, False),
        ]
        known = somebody.call("messages.info", message=there[0]["id"])
        assert [version["text"] for version in known["versions"]] == ["first", "second"]
    ours = alice.call("messages.history", conversation="Bob")
    assert {each["state"] for each in ours} <= {"delivered", "read"}


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE)
@pytest.mark.parametrize(("first", "alices", "bobs"), [(1, "before", "after"), (2, "after", "before")])
def test_a_death_at_every_commit_of_a_change(  # noqa: PLR0917  # fixtures, by name
    make_pair: Any, make_person: Any, die_at: Any, contacts: Path, first: int, alices: str, bobs: str
) -> None:
    if not (contacts / "net").exists():
        become_contacts(*(make_person(contacts, name) for name in ("Alice", "Bob")))
    survived = 0
    # Every other commit each time: what both sides do, `test_commit_points` tries at every one.
    for at in count(first, 2):
        alice, bob = (
            Survivor(somebody, revive=lambda somebody=somebody: die_at(somebody, "before", 0))
            for somebody in make_pair(contacts)
        )
        for one, when in ((alice, alices), (bob, bobs)):
            die_at(one.person, when, at)
            one.start()
        change(alice, bob)
        require_same(alice, bob)

        survived = survived + 1 if not alice.deaths + bob.deaths else 0
        # How many commits there are differs a little from time to time.
        if survived == 2:
            break
    assert at > 10, "there were hardly any commits to die at"
