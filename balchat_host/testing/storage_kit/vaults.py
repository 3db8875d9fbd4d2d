"""Vaults with notes in them, and what tests do to these."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from anyio import to_thread

from balchat_host.api.storage import (
    KeyValueArea,
    ReadTransaction,
    SlotKind,
    SqlValue,
    Storage,
    Transaction,
    Vault,
)
from balchat_host.api.types import Secret
from balchat_host.testing.audit import confide, watched
from balchat_host.testing.audit.kit import FolderKit

PASSPHRASE: Final = Secret.from_text("blåbærgrød & ünïcode")
OTHER_PASSPHRASE: Final = Secret.from_text("another passphrase")
MANY: Final = 300
"""Units in flight: more than a vault is likely to put into one commit."""
PRIVATE: Final = "This is between the two of us."
"""A note that is long enough to be found in a log."""
SOME: Final = 60
"""Units in flight, of which some share a commit."""

Operation = tuple[str, bytes, bytes]
Model = dict[bytes, bytes]


def new_code(storage: Storage) -> Secret:
    """Make a recovery code, which nobody may log."""
    code = storage.new_recovery_code()
    confide("a recovery code", code.reveal())
    return code


@asynccontextmanager
async def new_vault(storage: Storage, directory: Path) -> AsyncGenerator[Vault]:
    """A new vault, open until the block ends, with one table `note (id, text)`."""
    for secret in (PASSPHRASE, OTHER_PASSPHRASE):
        confide("a passphrase", secret.reveal())
    slots = {SlotKind.PASSPHRASE: PASSPHRASE}
    async with closing_vault(await watched(storage).create(directory, slots, make_notes)) as vault:
        yield vault


@asynccontextmanager
async def unlocked(storage: Storage, directory: Path, secret: Secret = PASSPHRASE) -> AsyncGenerator[Vault]:
    """The vault, open until the block ends."""
    async with closing_vault(await watched(storage).unlock(directory, SlotKind.PASSPHRASE, secret)) as vault:
        yield vault


@asynccontextmanager
async def closing_vault(vault: Vault) -> AsyncGenerator[Vault]:
    """Lock a vault when the block ends."""
    try:
        yield vault
    finally:
        await vault.aclose()


async def exists(storage: Storage, directory: Path) -> bool:
    """Ask whether there is a vault; not in the event loop, because it may look at the disk."""
    return await to_thread.run_sync(storage.exists, directory)


def make_notes(tx: Transaction) -> None:
    """Make the table of notes: the first unit of most vaults here."""
    tx.script("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT) STRICT;")


def add_note(text: str) -> Callable[[Transaction], int]:
    """A unit that writes a note and gives its id."""
    confide("what is in the vault", text.encode())

    def unit(tx: Transaction) -> int:
        (identifier,) = tx.query("INSERT INTO note (text) VALUES (?) RETURNING id", (text,))[0]
        assert isinstance(identifier, int)
        return identifier

    return unit


def as_it_is(tx: Transaction) -> None:
    """Change nothing in a copy."""
    del tx


def notes(tx: ReadTransaction) -> list[SqlValue]:
    """Return the notes in the order in which they were written."""
    return [text for (text,) in tx.query("SELECT text FROM note ORDER BY id")]


class Refused(Exception):
    """A unit did not want to happen."""


def refuse(tx: Transaction) -> None:
    """Raise Refused."""
    tx.execute("DELETE FROM note")
    raise Refused


def shows(secret: Secret, text: str) -> bool:
    """Return whether a text has a secret in it, in one of the usual spellings."""
    octets = secret.reveal()
    return any(
        each in text for each in (octets.decode(), octets.hex(), repr(octets)[2:-1], repr(octets.decode())[1:-1])
    )


def mistyped(code: Secret) -> Secret:
    """Return a recovery code with its first character typed wrong."""
    text = code.reveal().decode()
    return Secret.from_text(("2" if text[0] == "1" else "1") + text[1:])


def apply_operation(area: KeyValueArea, model: Model, operation: Operation) -> None:
    """Do the same to an area and to a dict."""
    what, key, value = operation
    if what == "put":
        area.put(key, value)
        model[key] = value
    elif what == "delete":
        area.delete(key)
        model.pop(key, None)
    else:
        assert area.get(key) == model.get(key)
        expected = sorted((k, v) for k, v in model.items() if k.startswith(key))
        assert list(area.scan(key)) == expected
        assert list(area.scan(before=key)) == sorted((k, v) for k, v in model.items() if k < key)
        assert list(area.scan(key, before=value)) == [(k, v) for k, v in expected if k < value]


class Undo(Exception):
    """Undoes a savepoint."""


class StorageKitBase(FolderKit):
    """What each part of the kit needs."""

    @pytest.fixture
    def storage(self) -> Storage:
        raise NotImplementedError("a subclass of StorageKit gives the fixture `storage`")

    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        """A place for a vault where there is none yet."""
        return tmp_path / "account"
