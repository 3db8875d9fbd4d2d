"""Processes that are killed at moments that chance picks: every accepted message arrives once, in order."""

from __future__ import annotations

import os
from random import Random
from threading import Timer
from typing import Any

import pytest

from tests.support.survivor import Survivor

ROUNDS = int(os.environ.get("BALCHAT_CRASH_ROUNDS", "30"))
SEED = int(os.environ.get("BALCHAT_CRASH_SEED", "20261123"))


def kill_soon(somebody: Survivor, random: Random) -> Timer:
    """Kill the process that somebody has now, in up to a third of a second."""
    timer = Timer(random.uniform(0, 0.3), somebody.person.killer())
    timer.start()
    return timer


def has(text: str) -> Any:
    return lambda event: event["type"] == "message.added" and event["message"]["text"] == text


@pytest.mark.timeout(900)
def test_deaths_at_random_moments_lose_and_double_nothing(make_pair: Any, die_at: Any) -> None:
    random = Random(SEED)
    alice, bob = (Survivor(somebody) for somebody in make_pair())
    for one in (alice, bob):
        die_at(one.person, "before", 0)
        one.start()
    alice.call("contacts.add", code=bob.call("account.code")["code"])
    bob.until(lambda event: event["type"] == "request.received")
    bob.call("requests.accept", request="Alice")
    alice.until(lambda event: event["type"] == "contact.changed" and event["contact"]["state"] == "active")
    written: dict[str, list[str]] = {"Alice": [], "Bob": []}
    for number in range(ROUNDS):
        victim = random.choice((alice, bob))
        timer = kill_soon(victim, random)
        for author, reader in ((alice, bob), (bob, alice)):
            for part in range(random.randrange(1, 4)):
                text = f"{author.person.name}, round {number}, part {part}"
                author.write(reader.person.name, text)
                written[author.person.name].append(text)
        timer.join()
    for author, reader in ((alice, bob), (bob, alice)):
        reader.until(has(written[author.person.name][-1]))
        ours = [
            m
            for m in author.call("messages.history", conversation=reader.person.name, limit=1000)
            if m["author"] is None
        ]
        theirs = [
            m for m in reader.call("messages.history", conversation=author.person.name, limit=1000) if m["author"]
        ]
        assert [m["text"] for m in ours] == written[author.person.name], f"seed {SEED}"
        assert [m["id"] for m in theirs] == [m["id"] for m in ours], f"seed {SEED}"
    assert alice.deaths + bob.deaths > ROUNDS // 2, "hardly anybody was killed"
