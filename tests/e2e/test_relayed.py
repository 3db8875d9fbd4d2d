"""People who are never there together, and the relays between them, as they see it: every process a real one."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from random import Random
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from balchat_storage_sqlcipher.settings import Settings
from balchat_storage_sqlcipher.storage import SqlcipherStorage

from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from tests.support.telltales import tell_tale

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.people import Person

    MakePerson = Callable[..., Person]
    MakeRelay = Callable[[], Any]

ROUNDS = int(os.environ.get("BALCHAT_RELAY_ROUNDS", "20"))
SEED = int(os.environ.get("BALCHAT_RELAY_SEED", "20261124"))


def came(text: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["type"] == "message.added" and event["message"]["text"] == text


def reached(message: str, state: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: (
        event["type"] == "message.changed" and (event["message"]["id"], event["message"]["state"]) == (message, state)
    )


def became_active(event: dict[str, Any]) -> bool:
    return event["type"] == "contact.changed" and event["contact"]["state"] == "active"


def was_asked(event: dict[str, Any]) -> bool:
    return event["type"] == "request.received"


def call(person: Person, method: str, **parameters: Any) -> Any:
    """Ask a running account; a command would take half a second to start."""
    with person.socket() as socket:
        return socket.call(method, **parameters)


def write(person: Person, contact: str, *texts: str) -> list[str]:
    """Send messages; return their ids."""
    with person.socket() as socket:
        return [socket.call("messages.send", conversation=contact, text=text)["id"] for text in texts]


def history(person: Person, contact: str) -> list[dict[str, Any]]:
    return call(person, "messages.history", conversation=contact, limit=1000)


def heard(person: Person, contact: str) -> list[str]:
    """Return the texts that came from a contact, oldest first."""
    return [message["text"] for message in history(person, contact) if message["author"]]


def come(person: Person) -> None:
    """Start, and wait until all enabled transports work."""
    person.up()
    person.states.until(lambda status: all(each["phase"] == "online" for each in status["transports"].values()))


def is_now(person: Person, condition: Callable[[dict[str, Any]], bool]) -> None:
    """Wait until the status is as asked for, from the newest on."""
    person.states.until(condition, start=max(0, len(person.states.values) - 1))


def nothing_waits(person: Person) -> None:
    """Wait until everything has left."""
    is_now(person, lambda status: status["outbox"]["waiting"] == 0)


def go(person: Person) -> None:
    """Leave once everything has left."""
    nothing_waits(person)
    person.down()


def settle(person: Person, *relays: Any) -> None:
    """Come for the first time, and choose relays."""
    person.up()
    for each in relays:
        call(person, "relays.add", address=each.address)
    person.states.until(lambda status: status["transports"]["transport_relay"]["phase"] == "online")


def befriend(asking: Person, asked: Person) -> None:
    """Make contacts of two people who are there."""
    call(asking, "contacts.add", code=call(asked, "account.code")["code"])
    asked.events.until(was_asked)
    call(asked, "requests.accept", request=asking.name)
    asking.events.until(became_active)
    nothing_waits(asking)
    nothing_waits(asked)


def all_reach(person: Person, messages: list[str], state: str) -> None:
    for each in messages:
        person.events.until(reached(each, state))


def states_of(person: Person, message: str) -> list[str]:
    """Return the states through which a message went."""
    changes = [event for event in person.events.values if event["type"] == "message.changed"]
    return [
        event["message"]["state"]
        for event in changes
        if event["message"]["id"] == message and "state" in event["changed"]
    ]


def test_two_people_who_never_meet_know_each_other_and_talk(neighbour: MakePerson, relay: MakeRelay) -> None:
    between = relay()
    alice, bob = neighbour("Alice"), neighbour("Bob")
    settle(bob, between)
    onion = call(bob, "account.code")["onion"]
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
    call(bob, "requests.accept", request="Alice")
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


def test_people_with_different_relays_need_no_more_than_a_chat_code_and_an_address_alone_says_what_is_missing(
    neighbour: MakePerson, relay: MakeRelay
) -> None:
    alices, bobs = relay(), relay()
    alice, bob = neighbour("Alice"), neighbour("Bob")
    settle(bob, bobs)
    (code,) = bob.ask("code")
    assert f"relay={bobs.peer.onion.removesuffix('.onion')}" in code["code"]
    go(bob)
    settle(alice, alices)
    alice.ask("contacts", "add", code["onion"], "--name", "Bob")
    is_now(alice, lambda status: [each["reason"] for each in status["contacts"]] == ["no-key-package"])
    listed = alice.balchat("contacts", "list").out
    assert "not reached yet: no relay that you use, or that their chat code names, knows them" in listed
    alice.ask("contacts", "remove", "Bob", "--yes")

    alice.ask("contacts", "add", code["code"])
    is_now(alice, lambda status: [each["state"] for each in status["contacts"]] == ["requested"])
    go(alice)
    come(bob)
    bob.events.until(was_asked)
    call(bob, "requests.accept", request="Alice")
    write(bob, "Alice", "welcome")
    go(bob)
    come(alice)
    alice.events.until(came("welcome"))
    sent = write(alice, "Bob", "thank you")
    all_reach(alice, sent, "relayed")
    go(alice)
    come(bob)
    bob.events.until(came("thank you"))
    go(bob)


@pytest.mark.timeout(300)  # on a machine that does much else
def test_a_relay_that_dies_at_random_moments_loses_and_doubles_nothing(neighbour: MakePerson, relay: MakeRelay) -> None:
    random = Random(SEED)
    between = relay()
    alice, bob = (neighbour(name, transports=("transport_relay",)) for name in ("Alice", "Bob"))
    for each in (alice, bob):
        settle(each, between)
    befriend(alice, bob)

    def die(after: int, start: int) -> None:
        """Kill the relay while it takes what Alice writes: once it took `after`. Bob may have some before she knows."""
        new: set[str] = set()
        taken: set[str] = set()

        def is_enough(event: dict[str, Any]) -> bool:
            if event["type"] == "message.added":
                new.add(event["message"]["id"])
            elif event["type"] == "message.changed":
                message = event["message"]
                if message["id"] in new and message["state"] in {"relayed", "delivered"}:
                    taken.add(message["id"])
            return len(taken) == after

        alice.events.until(is_enough, start=start)
        between.kill()

    there = True
    written: list[str] = []
    with ThreadPoolExecutor(1) as threads:
        for number in range(ROUNDS):
            texts = [f"round {number}, part {part}" for part in range(random.randrange(2, 12))]
            dying = threads.submit(die, random.randrange(1, len(texts)), len(alice.events.values))
            write(alice, "Bob", *texts)
            written += texts
            if random.random() < 0.3:
                (random.choice((bob.down, bob.kill)) if there else bob.up)()
                there = not there
            dying.result()
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
    shutil.rmtree(first.path)

    bob.up()
    bob.states.until(lambda status: status["transports"]["transport_relay"]["phase"] == "degraded")
    gone, good = bob.ask("relay", "list")
    assert (gone["onion"], gone["state"]["phase"]) == (first.peer.onion, "degraded")
    assert "cannot be reached" in gone["state"]["reason"]
    assert (good["onion"], good["state"]["phase"]) == (second.peer.onion, "online")
    later = write(alice, "Bob", "four")
    came_later = bob.events.until(came("four")).value["message"]
    assert came_later["missing_before"] == 3, "that something is missing is noticed"

    bob.ask("relay", "remove", first.peer.onion)
    all_reach(alice, stranded + later, "delivered")
    assert sorted(heard(bob, "Alice")) == ["four", "one", "three", "two"]
    assert {message["missing_before"] for message in history(bob, "Alice")} == {0}, "nothing is missing any more"
    assert [each["onion"] for each in call(bob, "relays.list")] == [second.peer.onion]


def test_direct_only_says_so_and_works(neighbour: MakePerson) -> None:
    alice = neighbour("Alice", policy="direct-only")
    bob = neighbour("Bob", transports=("transport_tor_direct",))
    for each in (alice, bob):
        come(each)
        said = each.balchat("relay", "list", "--json")
        assert (said.code, said.error["code"]) == (3, "no-relay-transport")
        assert "direct-only" in said.error["message"]
        assert call(each, "status.get")["transports"].keys() == {"transport_tor_direct"}
    befriend(alice, bob)
    there = write(alice, "Bob", "you are there")
    all_reach(alice, there, "delivered")
    bob.down()
    away = write(alice, "Bob", "you are away")
    bob.up()
    all_reach(alice, away, "delivered")
    assert heard(bob, "Alice") == ["you are there", "you are away"]
    assert [states_of(alice, each) for each in there + away] == [["sent", "delivered"]] * 2


def test_relay_only_goes_no_other_way(neighbour: MakePerson, relay: MakeRelay) -> None:
    between = relay()
    alice = neighbour("Alice", policy="relay-only")
    bob = neighbour("Bob", transports=("transport_relay",))
    for each in (alice, bob):
        settle(each, between)
        assert call(each, "status.get")["transports"].keys() == {"transport_relay"}
    befriend(alice, bob)
    first = write(alice, "Bob", "by way of the relay")
    all_reach(alice, first, "delivered")
    between.kill()
    second = write(alice, "Bob", "there is no other way")
    is_now(alice, lambda status: status["transports"]["transport_relay"]["phase"] == "degraded")
    assert call(alice, "messages.get", message=second[0])["state"] == "queued"
    between.start()
    all_reach(alice, second, "delivered")
    for each in first + second:
        # Bob may say that he has it before the relay has said so: then he has got it by the relay all the same.
        assert states_of(alice, each) in (["sent", "relayed", "delivered"], ["delivered"])
    assert heard(bob, "Alice") == ["by way of the relay", "there is no other way"]


TEXT = "the tulips bloom at the north gate at seven"


def groups_of(person: Person) -> list[bytes]:
    """Return the ids of the MLS groups of somebody whose account does not run."""

    async def read() -> list[bytes]:
        passphrase = Secret(person.passphrase.encode())
        vault = await SqlcipherStorage(Settings()).unlock(person.profile, SlotKind.PASSPHRASE, passphrase)
        try:
            return [row[0] for row in await vault.read(lambda tx: tx.query("SELECT mls_group_id FROM era"))]
        finally:
            await vault.aclose()

    return anyio.run(read)


def sizes(relay: Any) -> Counter[int]:
    """Count the envelopes in a relay's database by their size."""
    with closing(sqlite3.connect(relay.path / "relay.db")) as database:
        return Counter(size for (size,) in database.execute("SELECT length(body) FROM envelopes"))


def test_a_relay_knows_neither_who_nor_what_and_all_envelopes_of_a_class_are_one_size(
    neighbour: MakePerson, relay: MakeRelay
) -> None:
    between = relay()
    alice, bob = (neighbour(name, transports=("transport_relay",)) for name in ("Alice", "Bob"))
    for each in (alice, bob):
        settle(each, between)
    befriend(alice, bob)
    codes = [call(each, "account.code") for each in (alice, bob)]
    go(bob)
    texts = ["y", TEXT, TEXT * 100, TEXT * 700]
    sent = write(alice, "Bob", *texts)
    all_reach(alice, sent, "relayed")
    go(alice)
    groups = groups_of(alice)
    assert groups, "they talk in one"
    secrets: dict[str, str | bytes] = {"a text": TEXT, "Alice": "Alice"}
    for code in codes:
        secrets[f"the address of {code['name']}"] = code["onion"].removesuffix(".onion")
        secrets[f"the peer id of {code['name']}"] = bytes.fromhex(code["peer_id"])
    secrets |= {f"group {number}": group for number, group in enumerate(groups)}
    # Whatever else two accounts tell each other is as small as a text of one letter, and so as large.
    lying = sizes(between)
    assert lying.keys() == {16 * 1024, 64 * 1024}
    assert lying[64 * 1024] == 1
    assert lying[16 * 1024] >= 3
    assert tell_tale(between.path, secrets) == [], "while it runs"
    come(bob)
    bob.events.until(came(texts[-1]))
    go(bob)
    between.kill()
    assert tell_tale(between.path, secrets) == [], "after SIGKILL"
