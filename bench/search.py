"""The search among many messages, and what it costs whoever writes.

The texts are made of words as a language has them: the most common is in almost every message, the rarest in one or
two (Zipf's law). A third of all messages lies in one conversation, some conversations have a handful.
"""

from __future__ import annotations

import random
import secrets
import time
from contextlib import asynccontextmanager
from itertools import accumulate
from time import perf_counter
from typing import TYPE_CHECKING, cast

import anyio
from balchat_crypto_mls.engine import MlsEngine
from balchat_storage_sqlcipher.storage import SqlcipherStorage

from balchat_host.api.bell import Bell
from balchat_host.api.storage import SlotKind
from balchat_host.core import account, schema
from balchat_host.core.messages.compose import compose
from balchat_host.core.search import index, pages
from balchat_host.core.search.searching import Bounds
from balchat_host.core.search.words import parse
from balchat_host.core.unit_of_work import Policy
from balchat_host.runtime.search_indexer import SearchIndexer
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner
from bench.figure import AtMost, Figure
from bench.room import PASSPHRASE
from bench.timing import Samples, in_turns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from balchat_host.core.unit_of_work import UnitOfWork
    from bench.room import Room

TITLE = "Search"
NOTE = (
    "First pages of 50 with their excerpts, each word asked once for the first time and four times more, among"
    " 1,000,000 messages of 1 KB: the slowest of all. Composing: notes to self of 1 KB, in turns with an account that"
    " indexes nothing."
)
MESSAGES = 1_000_000
CONVERSATIONS = 1000
IN_FLIGHT = 64
ROUNDS = 60
_VOCABULARY = 200_000
_WORDS_OF_A_MESSAGE = 160
_RANKS = (0, 1, 10, 100, 1_000, 10_000, 100_000)
_LARGE, _MIDDLE, _SMALL = 1, 30, 900
"""Numbers of a conversation with hundreds of thousands of messages, one with thousands, and one with a few."""
_FILLED_AT_ONCE = 2_000
_CONVERSATION = "INSERT INTO conversation (id, conversation_id, kind) VALUES (?, randomblob(16), 'group')"
_MESSAGE = (
    "INSERT INTO message (id, conversation, author, sent_at, received_at, content_type, disposition, text, content)"
    " VALUES (randomblob(32), ?, 1, ?, 0, 'text/markdown', 1, ?, x'00')"
)


def measure(room: Room) -> list[Figure]:
    return anyio.run(_measure, room)


async def _measure(room: Room) -> list[Figure]:
    async with _account(room, "composing") as quiet, _account(room, "indexing") as indexing:
        slower = await _compare_composing(quiet, indexing)
    async with _account(room, "many") as runner:
        texts = _Texts()
        await runner.change(_make_conversations)
        for _ in range(MESSAGES // _FILLED_AT_ONCE):
            await runner.change(texts.fill)
        took = await _index_all(runner)
        return [*await _look(runner, texts), *took, *slower]


async def _index_all(runner: UnitOfWorkRunner) -> list[Figure]:
    pages_before = await runner.read(lambda tx: cast("int", tx.query("PRAGMA page_count")[0][0]))
    longest = Samples()
    began = perf_counter()
    more = True
    while more:
        batch = perf_counter()
        more = await runner.change(index.advance)
        longest.add(perf_counter() - batch)
    total = perf_counter() - began
    pages_after = await runner.read(lambda tx: cast("int", tx.query("PRAGMA page_count")[0][0]))
    return [
        Figure(
            what="index a message, a batch at a time",
            measured=total / MESSAGES * 1000,
            against="what nobody waits for",
            limit=1,
            unit="ms",
            target=AtMost(1),
        ),
        Figure(
            what=f"a batch of {index.BATCH}, p99",
            measured=longest.p99,
            against="what another call may wait",
            limit=100,
            unit="ms",
            target=AtMost(1),
        ),
        Figure(
            what="room of the index for a message",
            measured=(pages_after - pages_before) * 4096 / MESSAGES,
            against="its text",
            limit=1024,
            unit="octets",
            target=AtMost(0.5),
        ),
    ]


async def _look(runner: UnitOfWorkRunner, texts: _Texts) -> list[Figure]:
    worst: dict[str, float] = {}
    for where, conversation in (("all", None), ("large", _LARGE), ("middle", _MIDDLE), ("small", _SMALL)):
        for rank in _RANKS:
            query = parse(texts.vocabulary[rank])
            bounds = Bounds(conversation=conversation)
            for turn in range(5):
                began = perf_counter()
                await runner.read(
                    lambda tx, query=query, bounds=bounds: pages.page(tx, query=query, within=bounds, limit=50)
                )
                key = f"{'all conversations' if conversation is None else f'a {where} conversation'}" + (
                    ", first time" if turn == 0 else ""
                )
                worst[key] = max(worst.get(key, 0), (perf_counter() - began) * 1000)
    return [
        Figure(
            what=f"first page of any word, in {where}",
            measured=took,
            against="what a person does not notice",
            limit=50,
            unit="ms",
            target=AtMost(1),
        )
        for where, took in worst.items()
    ]


async def _compare_composing(quiet: UnitOfWorkRunner, indexing: UnitOfWorkRunner) -> list[Figure]:
    bell = Bell()
    text = _Texts().make()

    def note(unit: UnitOfWork) -> None:
        compose(unit, "me", text, reply_to=None)

    async def write(runner: UnitOfWorkRunner) -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(IN_FLIGHT):
                tasks.start_soon(runner.change, note)
        bell.ring()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(SearchIndexer(indexing, bell).run)
        without, with_index = await in_turns(ROUNDS, lambda: write(quiet), lambda: write(indexing))
        tasks.cancel_scope.cancel()
        return [_composing(without, with_index)]
    raise AssertionError("nothing cancels it before")


def _composing(without: Samples, with_index: Samples) -> Figure:
    return Figure(
        what=f"composing, {IN_FLIGHT} in flight, with search",
        measured=with_index.median / IN_FLIGHT,
        against="without",
        limit=without.median / IN_FLIGHT,
        unit="ms",
        target=AtMost(1.3),
    )


class _Texts:
    """Makes texts, the same ones each time."""

    def __init__(self) -> None:
        self._chance = random.Random(1)
        words = dict.fromkeys(self._word() for _ in range(_VOCABULARY * 2))
        self.vocabulary = list(words)[:_VOCABULARY]
        self._weights = list(accumulate(1 / (rank + 2.7) for rank in range(_VOCABULARY)))

    def _word(self) -> str:
        length = self._chance.randint(3, 10)
        return "".join(self._chance.choices("abcdefghijklmnopqrstuvwxyz", k=length))

    def make(self) -> str:
        """Return a text of about a kilobyte."""
        words = self._chance.choices(self.vocabulary, cum_weights=self._weights, k=_WORDS_OF_A_MESSAGE)
        return " ".join(words)[:1024]

    def fill(self, unit: UnitOfWork) -> None:
        """Write some messages, of many conversations."""
        for _ in range(_FILLED_AT_ONCE):
            conversation = min(CONVERSATIONS, int(self._chance.paretovariate(0.6)))
            unit.tx.execute(_MESSAGE, (conversation, 1_800_000_000_000, self.make()))


def _make_conversations(unit: UnitOfWork) -> None:
    there = cast("int", unit.tx.query("SELECT max(id) FROM conversation")[0][0])
    for number in range(there + 1, CONVERSATIONS + 1):
        unit.tx.execute(_CONVERSATION, (number,))


@asynccontextmanager
async def _account(room: Room, name: str) -> AsyncGenerator[UnitOfWorkRunner]:
    vault = await SqlcipherStorage().create(room.folder(name), {SlotKind.PASSPHRASE: PASSPHRASE}, schema.migrate)
    try:
        runner = UnitOfWorkRunner(vault, MlsEngine(), policy=Policy(), clock=_now, entropy=secrets.token_bytes)
        await runner.change(lambda unit: account.create(unit, "Alice"))
        yield runner
    finally:
        await vault.aclose()


def _now() -> int:
    return time.time_ns() // 1_000_000
