"""The vault as history grows: writing a message, and reading the last 50.

The limit is plain sqlite3 with the same statements. It gets the same settings, in a file beside the vault, and is
called from the event loop as any program that must not block has to: in a worker thread.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING, cast

import anyio
from anyio import to_thread
from balchat_storage_sqlcipher.storage import SqlcipherStorage

from balchat_host.api.storage import SlotKind
from balchat_host.core import content, schema
from balchat_host.core.messages import history
from bench.figure import AtLeast, AtMost, Figure
from bench.room import PASSPHRASE
from bench.timing import Samples, in_turns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
    from pathlib import Path

    from balchat_host.api.storage import ReadTransaction, SqlValue, Transaction, Vault
    from bench.room import Room

TITLE = "History"
NOTE = (
    "Operations a second, medians. Every message is durable before its call returns. Plain sqlite3 has the same"
    " settings (write-ahead log, synchronous FULL, 32 MiB cache) and is called in a worker thread. Flat: a time at"
    " 1,000,000 messages against the same at 1,000. Room: a message is kept whole as its author wrote it, and its text"
    " once more."
)
ROUNDS = 200
SIZES = (1_000, 1_000_000)
IN_FLIGHT = 64
FLAT = AtMost(1.5)
_OPENING_MS = 20
_STEP = 20_000
_PAGE = 4096
_TEXT = "what somebody may write in a message of usual length, a line or two of it" * 2
_CONTENT = content.MimiContent(
    salt=bytes(content.SALT_SIZE),
    part=content.SinglePart(content_type="text/markdown", content=_TEXT.encode()),
    sent_at=1_800_000_000_000,
    sequence=content.Sequence(series=bytes(8), number=1),
).encode()[content.SALT_SIZE :]
"""What its author said besides a salt of the same size: a message is kept whole."""
_CONVERSATION = """
    INSERT INTO peer (id, account_key) VALUES (1, zeroblob(32)), (2, randomblob(32));
    INSERT INTO account (only, peer, account_key, device_id, device_onion_seed, name)
        SELECT 1, id, account_key, zeroblob(16), zeroblob(32), 'Alice' FROM peer WHERE id = 1;
    INSERT INTO conversation (id, conversation_id, kind) VALUES (1, zeroblob(16), 'direct');
    INSERT INTO member (conversation, peer) VALUES (1, 1), (1, 2);
    INSERT INTO contact (peer, conversation, name, name_key) VALUES (2, 1, 'Bob', 'bob');
    INSERT INTO first_contact (peer, phase) VALUES (2, 'active');
"""
_INSERT = (
    "INSERT INTO message (id, conversation, author, sent_at, received_at, content_type, disposition, text, content)"
    " VALUES (?, 1, 2, 0, 0, 'text/markdown', 1, ?, ?)"
)
_LAST = (
    "SELECT seq, message.id, conversation_id, author, sent_at, content_type, text, in_reply_to, contact.name"
    " FROM message JOIN conversation ON conversation.id = message.conversation"
    " LEFT JOIN contact ON contact.peer = message.author"
    " WHERE message.conversation = 1 AND seq < ? ORDER BY seq DESC LIMIT 50"
)
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "temp_store = MEMORY",
    "cache_size = -32768",
    "foreign_keys = ON",
)


def measure(room: Room) -> list[Figure]:
    return anyio.run(_measure, room)


async def _measure(room: Room) -> list[Figure]:
    figures: list[Figure] = []
    times: dict[str, list[float]] = {}
    async with _vault(room) as vault:
        plain = _Plain(room.folder("plain") / "plain.db")
        held = 0
        for size in SIZES:
            while held < size:
                count = min(_STEP, size - held)
                await vault.transact(lambda tx, count=count: _fill(tx.execute, count))
                await to_thread.run_sync(plain.fill, count)
                held += count
            for what, ours, theirs in await _compare(vault, plain):
                held += (ROUNDS + 3) * (IN_FLIGHT + 1) if what.startswith("write") else 0
                times.setdefault(what, []).append(ours)
                figures.append(
                    Figure(
                        what=f"{what}, {size:,} messages",
                        measured=1000 / ours,
                        against="plain sqlite3, same statements",
                        limit=1000 / theirs,
                        unit="/s",
                        target=AtLeast(0.7),
                    )
                )
        opening = await _open_anywhere(vault)
        plain.close()
        pages = await vault.read(lambda tx: cast("int", tx.query("PRAGMA page_count")[0][0]))
    figures.append(
        Figure(
            what=f"room of a message whose text has {len(_TEXT)} octets",
            measured=pages * _PAGE / held,
            against="its text and its content",
            limit=len(_TEXT) + content.SALT_SIZE + len(_CONTENT),
            unit="octets",
            target=AtMost(2),
        )
    )
    figures.append(
        Figure(
            what=f"open a conversation of {SIZES[1]:,} messages anywhere in it, p99",
            measured=opening,
            against="what nobody waits for",
            limit=_OPENING_MS,
            unit="ms",
            target=AtMost(1),
        )
    )
    return figures + [
        Figure(
            what=f"{what}: time at {SIZES[1]:,} messages",
            measured=large,
            against=f"at {SIZES[0]:,}",
            limit=small,
            unit="ms",
            target=FLAT,
        )
        for what, (small, large) in times.items()
    ]


async def _open_anywhere(vault: Vault) -> float:
    """Return the milliseconds (p99) that the page of 50 before one of many messages takes, as the App reads it."""
    times = Samples()
    ((last,),) = await vault.read(lambda tx: tx.query("SELECT max(seq) FROM message"))
    for _ in range(ROUNDS):
        seq = 1 + int.from_bytes(os.urandom(8)) % cast("int", last)
        ((found,),) = await vault.read(lambda tx, seq=seq: tx.query("SELECT id FROM message WHERE seq = ?", (seq,)))
        before = cast("bytes", found).hex()
        began = perf_counter()
        await vault.read(lambda tx, before=before: history.history(tx, "Bob", limit=50, before=before))
        times.add(perf_counter() - began)
    return times.p99


async def _compare(vault: Vault, plain: _Plain) -> list[tuple[str, float, float]]:
    """Return what was done with the milliseconds of the vault and of plain sqlite3."""
    one = await in_turns(ROUNDS, lambda: vault.transact(_write), lambda: to_thread.run_sync(plain.write))
    many = await in_turns(
        ROUNDS // 4,
        lambda: _at_once(lambda: vault.transact(_write)),
        lambda: _at_once(lambda: to_thread.run_sync(plain.write, limiter=plain.turn)),
    )
    read = await in_turns(ROUNDS, lambda: vault.read(_read), lambda: to_thread.run_sync(plain.read))
    return [
        ("write a message", *_medians(one)),
        (f"write a message, {IN_FLIGHT} in flight", *(each / IN_FLIGHT for each in _medians(many))),
        ("read the last 50", *_medians(read)),
    ]


def _medians(samples: Sequence[Samples]) -> tuple[float, float]:
    ours, theirs = samples
    return ours.median, theirs.median


async def _at_once(call: Callable[[], Awaitable[object]]) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.start_soon(call)


def _row() -> tuple[SqlValue, ...]:
    return os.urandom(32), _TEXT, os.urandom(content.SALT_SIZE) + _CONTENT


def _fill(execute: Callable[[str, Sequence[SqlValue]], object], count: int) -> None:
    for _ in range(count):
        execute(_INSERT, _row())


def _write(tx: Transaction) -> None:
    tx.execute(_INSERT, _row())


def _read(tx: ReadTransaction) -> None:
    assert len(tx.query(_LAST, (2**62,))) == 50


class _Plain:
    """The same tables in plain sqlite3, used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.turn = anyio.CapacityLimiter(1)
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            self._database.execute(f"PRAGMA {pragma}")
        for step in schema.STEPS:
            self._database.executescript(step)
        self._database.executescript(_CONVERSATION)

    def fill(self, count: int) -> None:
        """Write many messages as one transaction."""
        self._database.execute("BEGIN")
        _fill(self._database.execute, count)
        self._database.execute("COMMIT")

    def write(self) -> None:
        """Write one message."""
        self.fill(1)

    def read(self) -> None:
        """Read the last 50."""
        assert len(self._database.execute(_LAST, (2**62,)).fetchall()) == 50

    def close(self) -> None:
        """Close the file."""
        self._database.close()


@asynccontextmanager
async def _vault(room: Room) -> AsyncGenerator[Vault]:
    vault = await SqlcipherStorage().create(room.folder("vault"), {SlotKind.PASSPHRASE: PASSPHRASE}, schema.migrate)
    try:
        await vault.transact(lambda tx: tx.script(_CONVERSATION))
        yield vault
    finally:
        await vault.aclose()
