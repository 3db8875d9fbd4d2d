"""Faults of a vault's files, as they are seen from outside."""

from __future__ import annotations

import shutil
from base64 import b64encode
from urllib.parse import quote

from anyio import to_thread
from balchat_storage_sqlcipher.vault import SqlcipherVault

from balchat_host.api.errors import VaultDamaged, WrongSecret
from balchat_host.api.storage import SqlError
from balchat_host.api.types import Check
from tests.kits.file_faults.faulty_files import FaultyFiles, copy_and_amend, copy_vault

OWNER = "test_only_the_owner_can_reach_the_files"
PLAIN = "test_nothing_readable_lies_on_the_disk"
KILLED = "test_nothing_readable_lies_on_the_disk_after_a_kill"
DAMAGED = "test_a_damage_anywhere_in_a_backup_is_noticed_or_takes_nothing"
NEEDLE = "a needle that nobody must find"


def open_to_all(directory) -> None:
    for path in directory.rglob("*"):
        if path.is_file():
            path.chmod(0o644)


class LeavesFilesOpenToOthers(FaultyFiles):
    """Makes files that others can read."""

    caught_by = OWNER

    def made(self, directory, slots):
        open_to_all(directory)


class LeavesTheFolderOpenToOthers(FaultyFiles):
    """Makes a folder that others can look into."""

    caught_by = OWNER

    def made(self, directory, slots):
        directory.chmod(0o755)


class LeavesBackupsOpenToOthers(FaultyFiles):
    """Makes backups that others can read."""

    caught_by = OWNER

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            await super().backup(target, amend)
            await to_thread.run_sync(open_to_all, target)


class OpensWhatOthersCanReach(FaultyFiles):
    """Opens a vault whose files others can reach."""

    caught_by = "test_a_vault_that_others_can_reach_is_not_opened"

    async def unlock(self, directory, kind, secret):
        def close() -> None:
            for path in (directory, *directory.rglob("*")):
                path.chmod(0o700 if path.is_dir() else 0o600)

        await to_thread.run_sync(close)
        return await super().unlock(directory, kind, secret)


class WritesThePassphrase(FaultyFiles):
    """Writes the passphrase beside the vault."""

    caught_by = PLAIN

    def made(self, directory, slots):
        path = directory / "hint"
        path.write_bytes(b" ".join(secret.reveal() for secret in slots.values()))
        path.chmod(0o600)


class WritesThePassphraseInBase64(FaultyFiles):
    """Writes the passphrase beside the vault in base64, as settings files have what is no text."""

    caught_by = PLAIN

    def made(self, directory, slots):
        path = directory / "settings"
        path.write_bytes(b"\n".join(b64encode(secret.reveal()) for secret in slots.values()))
        path.chmod(0o600)


class WritesPlainBackups(FaultyFiles):
    """Writes something readable beside a backup."""

    caught_by = PLAIN

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            await super().backup(target, amend)
            await to_thread.run_sync((target / "index").write_text, NEEDLE)


class NamesFilesByContent(FaultyFiles):
    """Gives a file a name that says what is in the vault."""

    caught_by = PLAIN

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            await super().backup(target, amend)
            await to_thread.run_sync((target / NEEDLE).touch)


class CountsWrongPassphrases(FaultyFiles):
    """Counts wrong passphrases in a file."""

    caught_by = "test_a_wrong_passphrase_changes_no_octet"

    async def unlock(self, directory, kind, secret):
        try:
            return await super().unlock(directory, kind, secret)
        except WrongSecret:
            await to_thread.run_sync((directory / "wrong").write_text, "1")
            raise


class MakesANewOneForADamagedOne(FaultyFiles):
    """Makes a new vault in place of one that is damaged."""

    caught_by = "test_a_missing_file_is_noticed_and_nothing_is_made_in_its_place"
    failures = (SqlError,)

    async def unlock(self, directory, kind, secret):
        try:
            return await super().unlock(directory, kind, secret)
        except VaultDamaged:
            await to_thread.run_sync(shutil.rmtree, directory)
            return await self.create(directory, {kind: secret}, lambda _: None)


class CallsDamageAWrongPassphrase(FaultyFiles):
    """Calls every damage a wrong passphrase."""

    caught_by = "test_a_damage_anywhere_is_noticed_or_takes_nothing"

    async def unlock(self, directory, kind, secret):
        try:
            return await super().unlock(directory, kind, secret)
        except VaultDamaged:
            raise WrongSecret(slot=str(kind)) from None


class FindsNothingWrong(FaultyFiles):
    """Finds nothing wrong from outside."""

    caught_by = "test_a_look_from_outside_names_what_is_wrong"

    def checks(self, directory):
        return [Check(name="vault", finding="well")]


class WritesPlainWhileItBacksUp(FaultyFiles):
    """Has what is in the vault in a readable file while it backs up."""

    caught_by = PLAIN

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            plain = target.with_suffix(".plain")

            def unit(tx):
                plain.write_text(repr(tx.query("SELECT * FROM note")))
                amend(tx)

            try:
                await super().backup(target, unit)
            finally:
                await to_thread.run_sync(plain.unlink)


class LeavesTheLogOpenToOthers(FaultyFiles):
    """Lets others read the files that it makes when it opens."""

    caught_by = OWNER

    async def unlock(self, directory, kind, secret):
        unlocked = await super().unlock(directory, kind, secret)
        await to_thread.run_sync(open_to_all, directory)
        return unlocked


class RestoresForOthers(FaultyFiles):
    """Makes the folder of what it restores one that others can look into."""

    caught_by = OWNER

    async def restore(self, directory, source, kind, secret, amend):
        await super().restore(directory, source, kind, secret, amend)
        await to_thread.run_sync(directory.chmod, 0o755)


class KeepsTheOldSlots(FaultyFiles):
    """Keeps the old slots beside the new ones, and with them what the old passphrase opens."""

    caught_by = "test_a_changed_passphrase_leaves_nothing_that_the_old_one_opens"

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def set_slot(self, kind, secret):
            header = self._opened.files.header
            await to_thread.run_sync(shutil.copy2, header, header.with_suffix(".old"))
            await super().set_slot(kind, secret)


class LeavesHalfABackup(FaultyFiles):
    """Leaves beside the target what there is of a backup that failed."""

    caught_by = "test_what_fails_leaves_no_files"

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            try:
                await super().backup(target, amend)
            except Exception:
                await to_thread.run_sync(shutil.copytree, self._opened.files.folder, target.with_suffix(".part"))
                raise


class MarksWhatItLooksAt(FaultyFiles):
    """Notes in the vault that somebody has looked at it from outside."""

    caught_by = "test_a_wrong_passphrase_changes_no_octet"

    def checks(self, directory):
        (directory / "looked").touch(0o600)
        return super().checks(directory)


class MakesTheFolderOfABackup(FaultyFiles):
    """Makes the folder into which a backup is to go, where it is not there."""

    caught_by = "test_what_fails_leaves_no_files"

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            await to_thread.run_sync(lambda: target.parent.mkdir(exist_ok=True))
            await super().backup(target, amend)


class BacksUpOverAFile(FaultyFiles):
    """Makes a backup in place of a file."""

    caught_by = "test_what_fails_leaves_no_files"

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            await to_thread.run_sync(lambda: target.is_file() and target.unlink())
            await super().backup(target, amend)


class FollowsALink(FaultyFiles):
    """Makes a backup where a link leads that leads nowhere yet."""

    caught_by = "test_what_fails_leaves_no_files"

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            await super().backup(await to_thread.run_sync(target.resolve), amend)


class LeavesWhatItCopiedFirst(FaultyFiles):
    """Leaves beside a backup what it was made from."""

    caught_by = "test_what_fails_leaves_no_files"

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            await super().backup(target, amend)
            path = target.with_name(f"{target.name}.part")
            await to_thread.run_sync(path.write_bytes, b"locked")


class TakesAFolderForAnAddress(FaultyFiles):
    """Reads the name of a folder as an address, in which a question mark means something."""

    caught_by = "test_a_vault_may_lie_in_any_folder"

    async def create(self, directory, slots, fill):
        return await super().create(type(directory)(str(directory).partition("?")[0]), slots, fill)


class EscapesNames(FaultyFiles):
    """Gives a folder another name, where something in its own means something."""

    caught_by = "test_a_vault_may_lie_in_any_folder"

    async def create(self, directory, slots, fill):
        return await super().create(directory.with_name(quote(directory.name)), slots, fill)

    async def unlock(self, directory, kind, secret):
        return await super().unlock(directory.with_name(quote(directory.name)), kind, secret)


class LeavesAFileBeside(FaultyFiles):
    """Leaves a file beside the folder of the vault."""

    caught_by = "test_a_vault_may_lie_in_any_folder"

    def made(self, directory, slots):
        directory.with_name("lock").touch(0o600)


# -- a backup that is damaged


class RestoresWithoutLooking(FaultyFiles):
    """Restores a backup without looking whether its pages are as they were written."""

    caught_by = DAMAGED

    async def restore(self, directory, source, kind, secret, amend):
        try:
            await copy_and_amend(self, directory, source, (kind, secret), amend)
        except VaultDamaged:
            await to_thread.run_sync(shutil.rmtree, directory)
            raise


class LeavesWhatIsDamaged(FaultyFiles):
    """Puts what it restores in place, looks at it then, and leaves it there where it is damaged."""

    caught_by = DAMAGED

    async def restore(self, directory, source, kind, secret, amend):
        try:
            await super().restore(directory, source, kind, secret, amend)
        except VaultDamaged:
            await to_thread.run_sync(copy_vault, source, directory)
            raise


class RestoresNothingOfADamagedOne(FaultyFiles):
    """Makes an empty vault of a backup that is damaged, and says nothing."""

    caught_by = DAMAGED
    failures = (SqlError,)

    async def restore(self, directory, source, kind, secret, amend):
        try:
            await super().restore(directory, source, kind, secret, amend)
        except VaultDamaged:
            await (await self.create(directory, {kind: secret}, amend)).aclose()


# -- what a process leaves that was killed


class KeepsAReadableIndexWhileItIsOpen(FaultyFiles):
    """Has a readable index of what is in the vault until it is locked."""

    caught_by = KILLED

    async def unlock(self, directory, kind, secret):
        unlocked = await super().unlock(directory, kind, secret)
        texts = await unlocked.read(lambda tx: tx.query("SELECT text FROM half"))
        await to_thread.run_sync((directory / "index").write_text, repr(texts))
        return unlocked

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def aclose(self):
            await super().aclose()
            await to_thread.run_sync((self._opened.files.directory / "index").unlink, True)


class KeepsThePassphraseWhileItIsOpen(FaultyFiles):
    """Writes the passphrase down until the vault is locked, to open it again without asking."""

    caught_by = KILLED

    async def unlock(self, directory, kind, secret):
        unlocked = await super().unlock(directory, kind, secret)
        await to_thread.run_sync((directory / "session").write_bytes, secret.reveal())
        return unlocked

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def aclose(self):
            await super().aclose()
            await to_thread.run_sync((self._opened.files.directory / "session").unlink, True)


class WorksOnAReadableCopyBesideIt(FaultyFiles):
    """Decrypts the vault into a database beside its folder, which is there until it is locked."""

    caught_by = KILLED

    async def unlock(self, directory, kind, secret):
        def decrypt() -> None:
            cursor = unlocked._writer._cursor
            cursor.execute("ATTACH DATABASE ? AS plain KEY ''", (str(directory.with_name("plain")),))
            cursor.execute("SELECT sqlcipher_export('plain')").fetchall()
            cursor.execute("DETACH DATABASE plain")

        unlocked = await super().unlock(directory, kind, secret)
        await to_thread.run_sync(decrypt)
        return unlocked

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def aclose(self):
            await super().aclose()
            await to_thread.run_sync(self._opened.files.directory.with_name("plain").unlink, True)
