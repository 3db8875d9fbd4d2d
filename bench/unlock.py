"""Unlocking an account, against Argon2id alone with the same parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from argon2.low_level import Type, hash_secret_raw
from balchat_storage_sqlcipher.settings import Settings

from balchat_host.loader.profiles import ProfileDirectory
from balchat_host.local_profile import LocalProfile
from bench.figure import Figure, NoMoreThan
from bench.room import PASSPHRASE
from bench.timing import in_turns

if TYPE_CHECKING:
    from bench.room import Room

TITLE = "Unlock"
NOTE = "From the passphrase to an account that answers: configuration, plugins, key slot, database, migrations."
ROUNDS = 15


def measure(room: Room) -> list[Figure]:
    return anyio.run(_measure, room)


async def _measure(room: Room) -> list[Figure]:
    place = ProfileDirectory(name="Alice", directory=room.folder("Alice"))
    await LocalProfile(place).create("Alice", PASSPHRASE)
    opening, alone = await in_turns(ROUNDS, lambda: _open(place), lambda: anyio.to_thread.run_sync(_derive))
    return [
        Figure(
            what="unlock, median",
            measured=opening.median,
            against="Argon2id alone",
            limit=alone.median,
            unit="ms",
            target=NoMoreThan(100, "ms"),
        )
    ]


async def _open(place: ProfileDirectory) -> None:
    async with LocalProfile(place).open(PASSPHRASE) as app:
        await app.account.code()


def _derive() -> None:
    kdf = Settings().kdf
    hash_secret_raw(
        PASSPHRASE.reveal(),
        bytes(16),
        time_cost=kdf.passes,
        memory_cost=kdf.memory_kib,
        parallelism=kdf.lanes,
        hash_len=32,
        type=Type.ID,
    )
