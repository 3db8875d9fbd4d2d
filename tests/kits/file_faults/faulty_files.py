"""The storage that balchat uses, for faults to be planted in."""

from __future__ import annotations

from typing import ClassVar

from anyio import to_thread
from balchat_storage_sqlcipher.files import make_file
from balchat_storage_sqlcipher.header import Kdf
from balchat_storage_sqlcipher.storage import SqlcipherStorage
from balchat_storage_sqlcipher.vault import SqlcipherVault


class FaultyFiles(SqlcipherStorage):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    failures: ClassVar[tuple[type[BaseException], ...]] = ()
    vault: ClassVar[type[SqlcipherVault]] = SqlcipherVault
    left: ClassVar[str] = "locked"
    """The fixture that `left` stands for."""

    def __init__(self) -> None:
        super().__init__(weak_kdf=Kdf(memory_kib=8, passes=1, lanes=1))

    async def create(self, directory, slots, fill):
        made = await super().create(directory, slots, fill)
        made.__class__ = self.vault
        await to_thread.run_sync(self.made, directory, slots)
        return made

    def made(self, directory, slots) -> None:
        """For faults."""

    async def unlock(self, directory, kind, secret):
        unlocked = await super().unlock(directory, kind, secret)
        unlocked.__class__ = self.vault
        return unlocked


def copy_vault(source, directory) -> None:
    """Copy the files of a vault, for the owner alone."""
    (directory / "vault").mkdir(0o700, parents=True)
    for path in (source / "vault").iterdir():
        make_file(directory / "vault" / path.name, path.read_bytes())


async def copy_and_amend(storage, directory, source, slot, amend) -> None:
    """Restore a vault where it is to be, without looking at what is copied."""
    await to_thread.run_sync(copy_vault, source, directory)
    restored = await storage.unlock(directory, *slot)
    try:
        await restored.transact(amend)
    finally:
        await restored.aclose()
