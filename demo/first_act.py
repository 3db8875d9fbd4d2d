"""Alice and Bob: from nothing to a conversation that survives a kill, directly from onion to onion."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from demo import changes, renewing
from demo.figures import Figures, show_figures
from demo.house import House
from demo.raw_onion import round_trips
from demo.stage import Stage
from demo.telling import follow, insist, is_added, is_state, say, show
from tests.support.people import Person

_LETTER: Final = [f"Page {number} of the letter" for number in range(1, 61)]
_KILLED_AT: Final = _LETTER[9]
_NOTE: Final = "Bring the book back."
_MEASURED: Final = 40
_SIZE: Final = 1024


def play(stage: Stage, house: House) -> None:
    """Play the act. Raise ActFailed, and what a Person raises."""
    alice, bob = house.person("Alice"), house.person("Bob")
    _make_accounts(stage, alice, bob)
    _come_up(stage, alice, bob)
    bootstrap, publish = zip(*(_start_times(person) for person in (alice, bob)), strict=True)
    first_connect = _first_contact(stage, alice, bob)
    answer = _talk(stage, alice, bob)
    changes.change(stage, alice, bob, answer)
    changes.let_expire(stage, alice, bob)
    changes.search(stage, bob)
    renewing.renew(stage, alice, bob)
    _shut_out_strangers(stage, alice, bob)
    _keep_a_note(stage, alice, bob)
    _kill_in_mid_conversation(stage, alice, bob)
    _write_to_somebody_away(stage, alice, bob)
    _compare(stage, alice, bob)
    stage.step("How fast is it? The figures of this run")
    show_figures(
        stage,
        Figures(
            bootstrap=bootstrap,
            publish=publish,
            first_connect=first_connect,
            deliveries=_deliveries(alice, bob),
            round_trips=round_trips(house.torrc, house.base / "echo", count=_MEASURED, size=_SIZE),
        ),
    )


def _make_accounts(stage: Stage, *people: Person) -> None:
    stage.step("Two people make accounts: to each a vault, a name, a passphrase, a recovery code")
    for person in people:
        stage.command(person.name, ["init", "--name", person.name])
        person.init()


def _come_up(stage: Stage, *people: Person) -> None:
    stage.step("Both come up: unlock the vault, start a tor, publish an address")
    for person in people:
        stage.command(person.name, ["up"])
        person.up()
    for person in people:
        stage.begin(f"{stage.person(f'{person.name:>5}')}'s tor: ")
        shown: list[int] = []
        person.states.until(lambda status, shown=shown: _show_start(stage, status, shown))
        stage.more("online, the address is published")


def _show_start(stage: Stage, status: dict[str, Any], shown: list[int]) -> bool:
    """Show how far tor has come; say whether the person can be found."""
    percent = status["network"].get("network_tor", {}).get("percent")
    if percent is not None and percent not in shown:
        shown.append(percent)
        stage.more(f"{percent} % → ")
    return status["identity_onion"]["phase"] == "online"


def _start_times(person: Person) -> tuple[float, float]:
    """Return the seconds from tor's start to its first circuit, and from there to the published address."""
    began = person.states.until(lambda status: status["network"])
    online = person.states.until(lambda status: any(state["phase"] == "online" for state in status["network"].values()))
    return online.at - began.at, person.wait_online().at - online.at


def _first_contact(stage: Stage, alice: Person, bob: Person) -> float:
    """Make them contacts; give the seconds from adding until there was a stream."""
    stage.step("Bob passes his chat code; Alice asks; Bob sees who asks, and approves")
    show(stage, bob, "code")
    code = bob.code()
    show(stage, alice, "contacts", "add", code, "--introduction", "Alice, from the library")
    added = alice.events.until(lambda event: event["type"] == "contact.changed")
    connected = alice.states.until(lambda status: any(contact["reachable"] for contact in status["contacts"]))
    bob.events.until(lambda event: event["type"] == "request.received")
    show(stage, bob, "requests", "list")
    show(stage, bob, "requests", "accept", "Alice")
    for person in (alice, bob):
        person.events.until(lambda event: event["type"] == "contact.changed" and event["contact"]["state"] == "active")
    stage.good("the chat code is the key: neither could have been handed somebody else's")
    return connected.at - added.at


def _talk(stage: Stage, alice: Person, bob: Person) -> str:
    """Have them talk; return the id of what Alice says last."""
    stage.step("They talk")
    question = say(stage, alice, bob, "Are you there?")
    answer = say(stage, bob, alice, "Always. Did you find the book?", reply_to=question)
    return say(stage, alice, bob, "Third shelf, behind the atlas.", reply_to=answer)


def _shut_out_strangers(stage: Stage, alice: Person, bob: Person) -> None:
    stage.step("Bob wants no more requests: his chat code leads nowhere, and Alice talks to him as before")
    show(stage, bob, "requests", "off")
    bob.states.until(lambda status: not status["accepts_requests"] and status["identity_onion"]["phase"] == "stopped")
    say(stage, alice, bob, "Still reading?")
    show(stage, bob, "status")


def _keep_a_note(stage: Stage, alice: Person, bob: Person) -> None:
    stage.step("Alice keeps a note that goes nowhere")
    show(stage, alice, "send", "me", _NOTE)
    show(stage, alice, "history", "me")
    (note,) = alice.history("me")
    insist((note["text"], note["state"]) == (_NOTE, "delivered"), f"this is what she has: {note}")
    insist(all(message["text"] != _NOTE for message in bob.history("Alice")), "Bob has it too")


def _kill_in_mid_conversation(stage: Stage, alice: Person, bob: Person) -> None:
    stage.step(f"Alice writes a letter of {len(_LETTER)} pages; Bob's process is killed meanwhile (SIGKILL)")
    with ThreadPoolExecutor(1) as threads:
        writing = threads.submit(_write, alice, bob, _LETTER)
        bob.events.until(lambda event: event["type"] == "message.added" and event["message"]["text"] == _KILLED_AT)
        bob.kill()
        pages = writing.result()
    delivered = sum(1 for event in alice.events.values for page in pages if is_state(event, page, "delivered"))
    insist(delivered < len(_LETTER), "it was all over before Bob could be killed")
    stage.note(f"killed when {delivered} pages were delivered; his tor noticed, and ended too")
    stage.command("Bob", ["up"])
    bob.up()
    for page in pages:
        alice.events.until(lambda event, page=page: is_state(event, page, "delivered"))
    arrived = [message["text"] for message in bob.history("Alice") if message["author"] == "Alice"]
    insist(arrived[-len(_LETTER) :] == _LETTER, f"this is what Bob has: {arrived}")
    stage.good(f"Bob has all {len(_LETTER)} pages, each once, in order")


def _write(author: Person, reader: Person, texts: Sequence[str]) -> list[str]:
    """Write messages as fast as they are accepted; give their ids."""
    with author.socket() as socket:
        return [socket.call("messages.send", conversation=reader.name, text=text)["id"] for text in texts]


def _write_to_somebody_away(stage: Stage, alice: Person, bob: Person) -> None:
    stage.step("Bob leaves; Alice writes all the same; Bob comes back")
    stage.command("Bob", ["down"])
    bob.down()
    text = "For when you are back."
    stage.command("Alice", ["send", "Bob", text])
    message = alice.send("Bob", text)["id"]
    state = alice.history("Bob", 1)[0]["state"]
    insist(state == "queued", f"Bob is away, and the message is {state}")
    stage.command("Bob", ["up"])
    stage.begin("       queued")
    bob.up()
    follow(stage, alice, message)
    bob.events.until(lambda event: is_added(event, message))


def _compare(stage: Stage, alice: Person, bob: Person) -> None:
    stage.step("Do both have the same conversation?")
    show(stage, alice, "history", "Bob", "--limit", "2")
    show(stage, bob, "history", "Alice", "--limit", "2")
    fields = ("id", "author_id", "text", "in_reply_to")
    ours, theirs = (
        [tuple(message[field] for field in fields) for message in person.history(other.name)]
        for person, other in ((alice, bob), (bob, alice))
    )
    insist(ours == theirs, "the histories differ")
    insist(len(set(ours)) == len(ours) == len(_LETTER) + 6, "there is more or less than was written")
    stage.good(f"{len(ours)} messages, the same on both sides: ids, authors, texts, replies, order")


def _deliveries(author: Person, reader: Person) -> list[float]:
    """Return the seconds from calling `send` to the event that says delivered, both over the local socket."""
    times: list[float] = []
    with author.socket() as calls, author.socket() as news:
        events = news.events(calls.call("events.cursor"))
        for number in range(_MEASURED):
            text = f"{number:>{_SIZE}}"
            began = time.perf_counter()
            message = calls.call("messages.send", conversation=reader.name, text=text)["id"]
            while not is_state(next(events), message, "delivered"):
                pass
            times.append(time.perf_counter() - began)
    return times
