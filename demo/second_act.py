"""Alice and Bob again, who are never there at the same time, and a relay that is killed in between."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any, Final

from balchat_relay.testing.program import RelayProgram

from demo.house import House
from demo.stage import Stage
from demo.telling import follow, insist, is_state, show
from tests.support.people import Person

_LETTER: Final = [f"Page {number} of a letter to somebody away" for number in range(1, 21)]
_WHILE_AWAY: Final = "Found you asleep. Read this when you wake."
_PICTURE: Final = "harbour.bin"
_PICTURE_SIZE: Final = 2 * 2**20
_ANSWER: Final = "Awake now, and you are gone. Welcome all the same."


def play(stage: Stage, house: House) -> None:
    """Play the act. Raise ActFailed, and what a Person raises."""
    alice, bob = house.person("Alice", room="second"), house.person("Bob", room="second")
    relay = house.stack.enter_context(RelayProgram(house.base / "relay"))
    address = _make_relay(stage, relay, house.torrc)
    onion = _bob_leaves_what_strangers_need(stage, bob, address)
    early = _alice_asks_somebody_away(stage, alice, address, onion)
    _kill(stage, relay)
    _bob_finds_the_request(stage, bob)
    pages = _alice_writes_a_letter(stage, alice, relay, early)
    _bob_reads(stage, bob, len(pages))
    _alice_learns_of_it(stage, alice, pages)
    known = [*_LETTER, _WHILE_AWAY, _ANSWER, _PICTURE, onion.removesuffix(".onion")]
    _nothing_readable(stage, relay, known)


def _make_relay(stage: Stage, relay: RelayProgram, torrc: Sequence[str]) -> str:
    stage.step("Somebody runs a relay: a third process, behind an onion of its own")
    stage.program("relay", ["balchat-relay", "init", "-f", "relay"])
    relay.make(torrc=torrc)
    stage.output(relay.address)
    stage.program("relay", ["balchat-relay", "run", "-f", "relay"])
    relay.start()
    stage.good("it serves; nobody has an account there, and it will know nobody")
    return relay.address


def _come(stage: Stage, person: Person) -> None:
    stage.command(person.name, ["up"])
    person.up()
    person.wait_online()


def _go(stage: Stage, person: Person) -> None:
    stage.command(person.name, ["down"])
    person.down()


def _relay_is(person: Person, phase: str) -> None:
    person.states.until(lambda status: status["transports"]["transport_relay"]["phase"] == phase)


def _bob_leaves_what_strangers_need(stage: Stage, bob: Person, address: str) -> str:
    stage.step("Bob makes an account, adds the relay, and goes. Alice has not even been here yet")
    stage.command("Bob", ["init", "--name", "Bob"])
    bob.init()
    _come(stage, bob)
    show(stage, bob, "relay", "add", address)
    _relay_is(bob, "online")
    show(stage, bob, "relay", "list")
    [code] = bob.ask("code")
    _go(stage, bob)
    return code["onion"]


def _alice_asks_somebody_away(stage: Stage, alice: Person, address: str, onion: str) -> str:
    stage.step("Alice has nothing but Bob's onion address, and Bob is away: she asks for contact, and writes")
    stage.command("Alice", ["init", "--name", "Alice"])
    alice.init()
    _come(stage, alice)
    show(stage, alice, "relay", "add", address)
    show(stage, alice, "contacts", "add", onion, "--name", "Bob", "--introduction", "Alice, from the library")
    alice.events.until(lambda event: event["type"] == "contact.changed" and event["contact"]["state"] == "requested")
    show(stage, alice, "contacts", "list")
    stage.command("Alice", ["send", "Bob", _WHILE_AWAY])
    early = alice.send("Bob", _WHILE_AWAY)["id"]
    _go(stage, alice)
    return early


def _kill(stage: Stage, relay: RelayProgram) -> None:
    stage.step("The relay is killed (SIGKILL), and run again")
    relay.kill()
    stage.program("relay", ["balchat-relay", "run", "-f", "relay"])
    relay.start()


def _bob_finds_the_request(stage: Stage, bob: Person) -> None:
    stage.step("Bob comes, finds the request, accepts, and answers. Alice is away")
    _come(stage, bob)
    bob.events.until(lambda event: event["type"] == "request.received")
    show(stage, bob, "requests", "list")
    show(stage, bob, "requests", "accept", "Alice")
    stage.command("Bob", ["send", "Alice", _ANSWER])
    answer = bob.send("Alice", _ANSWER)["id"]
    stage.begin("       queued")
    follow(stage, bob, answer, ("relayed",))
    _nothing_waits(bob)
    _go(stage, bob)


def _nothing_waits(person: Person) -> None:
    newest = max(0, len(person.states.values) - 1)
    person.states.until(lambda status: status["outbox"]["waiting"] == 0, start=newest)


def _alice_writes_a_letter(stage: Stage, alice: Person, relay: RelayProgram, early: str) -> list[str]:
    stage.step(f"Alice comes: they are contacts. She writes {len(_LETTER)} pages; the relay is killed while she does")
    _come(stage, alice)
    alice.events.until(lambda event: event["type"] == "message.added" and event["message"]["text"] == _ANSWER)
    show(stage, alice, "history", "Bob")
    with ThreadPoolExecutor(1) as threads:
        writing = threads.submit(_write, alice)
        alice.events.until(lambda event: event["type"] == "message.changed" and event["message"]["state"] == "relayed")
        relay.kill()
        pages = [early, *writing.result()]
        relay.start()
    stage.note("the relay runs again")
    for page in pages:
        alice.events.until(lambda event, page=page: is_state(event, page, "relayed"))
    stage.good(f"all {len(pages)} are relayed: on the relay's disk, sealed")
    _alice_leaves_a_file(stage, alice)
    _nothing_waits(alice)
    _go(stage, alice)
    return pages


def _alice_leaves_a_file(stage: Stage, alice: Person) -> None:
    path = alice.home / _PICTURE
    path.write_bytes(Random(_PICTURE_SIZE).randbytes(_PICTURE_SIZE))
    stage.command("Alice", ["send", "Bob", "--file", _PICTURE])
    alice.send("Bob", "", "--file", str(path))
    with alice.socket() as socket:
        while socket.call("files.list")[0]["at_relays"] < _PICTURE_SIZE:
            pass
    show(stage, alice, "files", "list")
    stage.good("its parts lie at the relay, each sealed for itself")


def _bob_fetches_it(stage: Stage, bob: Person) -> None:
    offered = bob.events.until(lambda event: event["type"] == "message.added" and event["message"]["files"])
    file: str = offered.value["message"]["files"][0]["id"]
    folder = bob.home / "Downloads"
    folder.mkdir()
    show(stage, bob, "files", "get", file[:8], "--to", str(folder))
    insist((folder / _PICTURE).read_bytes() == Random(_PICTURE_SIZE).randbytes(_PICTURE_SIZE), "it is another file")
    stage.good("the file is whole, and Alice was not there")


def _write(alice: Person) -> list[str]:
    with alice.socket() as socket:
        return [socket.call("messages.send", conversation="Bob", text=text)["id"] for text in _LETTER]


def _bob_reads(stage: Stage, bob: Person, count: int) -> None:
    stage.step("Alice is gone. Bob comes, and has it all")
    _come(stage, bob)
    bob.events.until(lambda event: event["type"] == "message.added" and event["message"]["text"] == _LETTER[-1])
    arrived: list[dict[str, Any]] = [
        message for message in bob.history("Alice") if message["author"] == "Alice" and not message["files"]
    ]
    insist([message["text"] for message in arrived] == [_WHILE_AWAY, *_LETTER], f"this is what Bob has: {arrived}")
    insist(not any(message["missing_before"] for message in arrived), "something is missing in between")
    show(stage, bob, "history", "Alice", "--limit", "3")
    stage.good(f"{count} messages, each once, in the order in which they were written")
    _bob_fetches_it(stage, bob)
    _nothing_waits(bob)
    _go(stage, bob)


def _alice_learns_of_it(stage: Stage, alice: Person, pages: list[str]) -> None:
    stage.step("Alice comes back, and sees that Bob has them. He is away again")
    _come(stage, alice)
    for page in pages:
        alice.events.until(lambda event, page=page: is_state(event, page, "delivered"))
    show(stage, alice, "history", "Bob", "--limit", "2")
    _go(stage, alice)
    stage.good("relayed → delivered, and the two of them were never there together")


def _nothing_readable(stage: Stage, relay: RelayProgram, words: list[str]) -> None:
    stage.step("What does the relay know?")
    stage.program("relay", ["balchat-relay", "status", "-f", "relay"])
    stage.output(relay.command("status"))
    relay.kill()
    found = [word for word in words for file in _files(relay.path) if word.encode() in file.read_bytes()]
    insist(not found, f"in the relay's files there is {found}")
    stage.good("no text, no name and no address of theirs in any of its files")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
