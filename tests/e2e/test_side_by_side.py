"""Commands of one account at the same time, while it is not up: each does its work, and nothing is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from balchat_host.api.types import PeerId

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.people import Person


def test_commands_side_by_side_wait_for_each_other(person: Callable[..., Person]) -> None:
    alice = person("Alice")
    alice.ask("contacts", "add", PeerId(bytes(31) + b"\1").onion, "--name", "Bob", unlock=True)
    texts = [f"message {number}" for number in range(5)]
    with ThreadPoolExecutor(len(texts)) as threads:
        sent = list(threads.map(lambda text: alice.send("Bob", text), texts))
    kept = {message["id"]: message["text"] for message in alice.history("Bob")}
    assert kept == {message["id"]: message["text"] for message in sent}
    assert sorted(kept.values()) == texts
