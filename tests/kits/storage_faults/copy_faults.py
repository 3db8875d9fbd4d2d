"""Faults of backups, and of what is restored from them."""

from __future__ import annotations

from balchat_host.testing.memory_storage import MemoryVault
from tests.kits.storage_faults.faulty_storage import FaultyStorage


class BacksUpOldSecrets(FaultyStorage):
    """Makes a backup that the first passphrase opens, whatever it is now."""

    caught_by = "test_a_backup_opens_with_the_secrets_that_hold_when_it_is_made"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def set_slot(self, kind, secret):
            self.first = dict(self._disk.secrets)
            await super().set_slot(kind, secret)

        async def backup(self, target, amend):
            await super().backup(target, amend)
            self._disks[target].secrets = getattr(self, "first", self._disk.secrets)


class BacksUpOverWhatIsThere(FaultyStorage):
    """Makes a backup over another one."""

    caught_by = "test_a_backup_is_never_made_over_something"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def backup(self, target, amend):
            self._disks.pop(target, None)
            await super().backup(target, amend)


class AmendsTheOriginal(FaultyStorage):
    """Amends the vault together with its copy."""

    caught_by = "test_what_a_backup_is_amended_by_is_in_the_copy_alone"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def backup(self, target, amend):
            await self.transact(amend)
            await super().backup(target, lambda _: None)


class LeavesABackupThatFailed(FaultyStorage):
    """Leaves a copy behind that could not be amended."""

    caught_by = "test_a_backup_that_cannot_be_amended_is_not_made"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def backup(self, target, amend):
            try:
                await super().backup(target, amend)
            except Exception:
                await super().backup(target, lambda _: None)
                raise


class RestoresOverAVault(FaultyStorage):
    """Restores over a vault that is there."""

    caught_by = "test_nothing_is_restored_over_a_vault"

    async def restore(self, directory, source, kind, secret, amend):
        self._disks.pop(directory, None)
        await super().restore(directory, source, kind, secret, amend)


class RestoresWhatIsOpen(FaultyStorage):
    """Restores from a vault that is open."""

    caught_by = "test_a_locked_vault_of_an_account_can_be_restored_like_a_backup"

    async def restore(self, directory, source, kind, secret, amend):
        if source in self._disks:
            self.kill(source)
        await super().restore(directory, source, kind, secret, amend)


class LeavesARestoreThatFailed(FaultyStorage):
    """Leaves a vault behind that could not be amended."""

    caught_by = "test_a_restore_that_fails_leaves_no_vault"

    async def restore(self, directory, source, kind, secret, amend):
        try:
            await super().restore(directory, source, kind, secret, amend)
        except Exception as error:
            if type(error).__name__ == "Refused":
                await super().restore(directory, source, kind, secret, lambda _: None)
            raise


class BacksUpNoVersion(FaultyStorage):
    """Makes backups without the version of the host's tables."""

    caught_by = "test_a_backup_is_a_vault_that_the_same_secret_opens"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def backup(self, target, amend):
            await super().backup(target, amend)
            self._disks[target].database.execute("PRAGMA user_version = 0")
