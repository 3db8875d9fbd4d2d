"""Faults of what outlives a process, and of what a vault holds up."""

from __future__ import annotations

from contextlib import suppress

from anyio import to_thread
from balchat_storage_sqlcipher.vault import SqlcipherVault

from balchat_host.api.errors import VaultInUse
from tests.kits.file_faults.faulty_files import FaultyFiles


class LocksNobodyOut(FaultyFiles):
    """Opens a vault that another process has open."""

    caught_by = "test_a_vault_is_open_in_one_process_until_that_is_killed"

    async def unlock(self, directory, kind, secret):
        def remove() -> None:
            for path in directory.rglob("*lock*"):
                with suppress(OSError):
                    octets, mode = path.read_bytes(), path.stat().st_mode
                    path.unlink()
                    path.write_bytes(octets)
                    path.chmod(mode)

        await to_thread.run_sync(remove)
        return await super().unlock(directory, kind, secret)


class AnswersBeforeItIsWritten(FaultyFiles):
    """Answers before a unit is on the disk."""

    caught_by = "test_every_acknowledged_unit_outlives_a_kill"

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def transact(self, fn):
            self.later = [*getattr(self, "later", []), fn]
            if len(self.later) == 100:  # so many are lost
                later, self.later = self.later, []
                for each in later:
                    await super().transact(each)

        async def aclose(self):
            for each in getattr(self, "later", []):
                await super().transact(each)
            await super().aclose()


class ExistsBeforeItIsMade(FaultyFiles):
    """Says that a vault is there as soon as its folder is."""

    caught_by = "test_a_creation_that_was_killed_in_its_first_unit_leaves_no_vault"

    def exists(self, directory):
        return directory.exists()


class NeverWaitsForTheDisk(FaultyFiles):
    """Commits without waiting until the disk has it."""

    caught_by = "test_a_commit_waits_until_the_disk_has_it"

    async def unlock(self, directory, kind, secret):
        unlocked = await super().unlock(directory, kind, secret)
        unlocked._writer._cursor.execute("PRAGMA synchronous = NORMAL")
        return unlocked


class ThrowsTheLogAway(FaultyFiles):
    """Throws away what a process that was killed had committed last."""

    caught_by = "test_every_acknowledged_unit_outlives_a_kill"

    async def unlock(self, directory, kind, secret):
        def throw() -> None:
            for path in directory.rglob("*-wal"):
                path.unlink()

        await to_thread.run_sync(throw)
        return await super().unlock(directory, kind, secret)


class IsInUseForEver(FaultyFiles):
    """Says of a vault whose process was killed that it is in use."""

    caught_by = "test_a_vault_is_open_in_one_process_until_that_is_killed"

    async def unlock(self, directory, kind, secret):
        def mark() -> None:
            try:
                (directory / "in-use").touch(0o600, exist_ok=False)
            except FileExistsError:
                raise VaultInUse from None

        await to_thread.run_sync(mark)
        return await super().unlock(directory, kind, secret)
