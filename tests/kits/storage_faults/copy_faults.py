"""Faults of backups, and of what is restored from them."""

from __future__ import annotations

from contextlib import suppress

from anyio import CancelScope
from anyio.lowlevel import checkpoint

from balchat_host.api.storage import SlotKind
from balchat_host.testing.memory_storage import MemoryVault
from balchat_host.testing.sqlite_transaction import run_unit
from tests.kits.storage_faults.faulty_storage import FaultyStorage


class BacksUpOldSecrets(FaultyStorage):
    """Makes a backup that the first passphrase opens, whatever it is now."""

    caught_by = "test_a_backup_opens_with_the_secrets_that_hold_when_it_is_made"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def set_slot(self, kind, secret):
            self.first = dict(self._disk.secrets)
            await super().set_slot(kind, secret)

        async def backup(self, target, amend):
            await super().backup(target, amend)
            self._disks[target].secrets = getattr(self, "first", self._disk.secrets)


class BacksUpOverWhatIsThere(FaultyStorage):
    """Makes a backup over another one."""

    caught_by = "test_a_backup_is_never_made_over_something"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            self._disks.pop(target, None)
            await super().backup(target, amend)


class AmendsTheOriginal(FaultyStorage):
    """Amends the vault together with its copy."""

    caught_by = "test_what_a_backup_is_amended_by_is_in_the_copy_alone"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            await self.transact(amend)
            await super().backup(target, lambda _: None)


class LeavesABackupThatFailed(FaultyStorage):
    """Leaves a copy behind that could not be amended."""

    caught_by = "test_a_backup_that_cannot_be_amended_is_not_made"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
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

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            await super().backup(target, amend)
            self._disks[target].database.execute("PRAGMA user_version = 0")


class LeavesAmendmentsOpen(FaultyStorage):
    """Lets the transaction that amends a backup be used when its function has returned."""

    caught_by = "test_what_amends_a_copy_is_not_usable_afterwards"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            units = []
            await super().backup(target, lambda tx: units.append(tx) or amend(tx))
            units[0]._ended = False


class AmendsARestoredVaultTwice(FaultyStorage):
    """Runs the amendment of a restored vault once to see whether it works, and then once more."""

    caught_by = "test_what_amends_a_copy_is_not_usable_afterwards"

    async def restore(self, directory, source, kind, secret, amend):
        def twice(tx):
            with suppress(ZeroDivisionError), tx.savepoint():
                amend(tx)
                raise ZeroDivisionError
            amend(tx)

        await super().restore(directory, source, kind, secret, twice)


class BacksUpInTwoSteps(FaultyStorage):
    """Makes a backup, and then amends it."""

    caught_by = "test_a_copy_that_is_given_up_is_whole_or_not_there"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            await super().backup(target, lambda _: None)
            run_unit(self._disks[target].database, amend, commit=self._disks[target].database.commit)


class RestoresInTwoSteps(FaultyStorage):
    """Puts what it restores in place, and then amends it."""

    caught_by = "test_a_copy_that_is_given_up_is_whole_or_not_there"

    async def restore(self, directory, source, kind, secret, amend):
        with CancelScope(shield=True):
            await super().restore(directory, source, kind, secret, lambda _: None)
        await checkpoint()
        run_unit(self._disks[directory].database, amend, commit=self._disks[directory].database.commit)


class RestoresNothingAnew(FaultyStorage):
    """Opens the backup itself as the vault that it restores."""

    caught_by = "test_a_restored_vault_has_what_the_backup_had_and_its_amendment"

    async def restore(self, directory, source, kind, secret, amend):
        await super().restore(directory, source, kind, secret, amend)
        self._disks[directory].database = self._disks[source].database
        run_unit(self._disks[source].database, amend, commit=self._disks[source].database.commit)


class AmendsTheBackup(FaultyStorage):
    """Amends the backup together with what it restores."""

    caught_by = "test_a_restored_vault_has_what_the_backup_had_and_its_amendment"

    async def restore(self, directory, source, kind, secret, amend):
        await super().restore(directory, source, kind, secret, amend)
        run_unit(self._disks[source].database, amend, commit=self._disks[source].database.commit)


class RestoresAsItWas(FaultyStorage):
    """Restores without the amendment."""

    caught_by = "test_a_restored_vault_has_what_the_backup_had_and_its_amendment"

    async def restore(self, directory, source, kind, secret, amend):
        await super().restore(directory, source, kind, secret, lambda _: None)


class BacksUpNoAreas(FaultyStorage):
    """Makes backups without what is in areas."""

    caught_by = "test_a_backup_is_a_vault_that_the_same_secret_opens"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            await super().backup(target, amend)
            self._disks[target].database.execute("DELETE FROM vault_area")


class BacksUpOneSlot(FaultyStorage):
    """Makes backups that the passphrase alone opens."""

    caught_by = "test_a_restored_vault_has_what_the_backup_had_and_its_amendment"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            await super().backup(target, amend)
            self._disks[target].secrets.pop(SlotKind.RECOVERY_CODE, None)
