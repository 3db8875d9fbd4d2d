"""Faults of what outlives a process, and of what a vault holds up."""

from __future__ import annotations

import shutil
from contextlib import closing, suppress
from threading import Event, Thread

from anyio import Lock, to_thread
from balchat_storage_sqlcipher.driver import Access
from balchat_storage_sqlcipher.files import VaultFiles
from balchat_storage_sqlcipher.jobs import Job
from balchat_storage_sqlcipher.transaction import View, run_alone
from balchat_storage_sqlcipher.vault import SqlcipherVault

from balchat_host.api.errors import AccountExists, VaultInUse
from tests.kits.file_faults.faulty_files import FaultyFiles, copy_and_amend

CREATION = "test_a_creation_that_was_killed_leaves_a_whole_vault_or_none"
CREATION_ANYWHERE = "test_a_creation_that_was_killed_anywhere_leaves_a_whole_vault_or_none"
BACKUP = "test_a_backup_that_was_killed_leaves_a_whole_vault_or_nothing"
AMENDING = "test_a_backup_that_was_killed_while_it_was_amended_leaves_nothing_that_opens"
RESTORE = "test_a_restore_that_was_killed_anywhere_leaves_a_whole_vault_or_none"
MOMENT = "test_a_backup_is_of_one_moment_while_units_go_on"
LONG_UNIT = "test_a_long_unit_holds_up_neither_the_loop_nor_a_view"
LONG_VIEW = "test_a_long_view_stays_as_it_was_and_holds_up_no_unit"
AWHILE = 1.0
"""Seconds that something takes that a kill is to cut short."""


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


# -- what is made, and is not yet whole


class AmendsWhatOpens(SqlcipherVault):
    """A vault that amends a copy when it already opens."""

    def amend(self, copy, amend):
        with closing(self._connect(copy / "vault" / "database", Access.WRITE)) as connection:
            run_alone(self._opened.driver, connection, amend)


class InPlace(VaultFiles):
    """The paths of a vault that is made where it is to be."""

    new = property(lambda self: self)


class MakesVaultsInPlace(FaultyFiles):
    """Makes a vault where it is to be, file by file, instead of putting it there whole."""

    caught_by = CREATION_ANYWHERE

    def _build(self, files, lock, data_key, slots, fill):
        return super()._build(InPlace(files.directory), lock, data_key, slots, fill)


class StumblesOverWhatWasLeft(FaultyFiles):
    """Takes what a creation that was killed has left for a vault."""

    caught_by = CREATION_ANYWHERE

    async def create(self, directory, slots, fill):
        if await to_thread.run_sync((directory / "vault.new").exists):
            raise AccountExists(name=directory.name)
        return await super().create(directory, slots, fill)


class FillsVaultsInPlace(FaultyFiles):
    """Puts a vault in place, and runs its first unit then, which takes a while."""

    caught_by = CREATION

    def _build(self, files, lock, data_key, slots, fill):
        def slowly(tx):
            fill(tx)
            Event().wait(AWHILE)

        return super()._build(InPlace(files.directory), lock, data_key, slots, slowly)


class PutsVaultsInPlaceLater(FaultyFiles):
    """Has a thread put a vault in place that was locked, and waits for no end of it."""

    caught_by = CREATION

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def aclose(self):
            await super().aclose()
            files = self._opened.files
            await to_thread.run_sync(files.folder.rename, files.new.folder)
            Thread(target=self.put_in_place, daemon=True).start()

        def put_in_place(self):
            Event().wait(AWHILE)
            with suppress(OSError):  # the test has failed meanwhile
                self._opened.files.new.folder.rename(self._opened.files.folder)


class FillsBackupsInPlace(FaultyFiles):
    """Makes the folder of a backup first, and fills it then, which takes a while."""

    caught_by = BACKUP

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            def make() -> None:
                target.mkdir(0o700)
                Event().wait(AWHILE)

            await to_thread.run_sync(make)
            await super().backup(target / "new", amend)
            await to_thread.run_sync((target / "new" / "vault").rename, target / "vault")


class SaysTooSoonThatItHasBackedUp(FaultyFiles):
    """Has a thread write a backup, and waits for no end of it."""

    caught_by = BACKUP

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            def move() -> None:
                Event().wait(AWHILE)
                whole.rename(target)

            whole = target.with_name(f".{target.name}.whole")
            await super().backup(whole, amend)
            Thread(target=move, daemon=True).start()


class AmendsABackupInPlace(FaultyFiles):
    """Puts a backup in place, and amends it then."""

    caught_by = AMENDING

    class vault(AmendsWhatOpens):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            await super().backup(target, lambda _: None)
            await to_thread.run_sync(self.amend, target, amend)


class AmendsACopyThatOpens(FaultyFiles):
    """Amends a copy under another name, which already has its key slots."""

    caught_by = AMENDING

    class vault(AmendsWhatOpens):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            copy = target.with_name(f".{target.name}.copy")
            await super().backup(copy, lambda _: None)
            await to_thread.run_sync(self.amend, copy, amend)
            await to_thread.run_sync(copy.rename, target)


class RestoresInPlace(FaultyFiles):
    """Copies a backup where the vault is to be, file by file, and amends it there."""

    caught_by = RESTORE

    async def restore(self, directory, source, kind, secret, amend):
        await copy_and_amend(self, directory, source, (kind, secret), amend)


class RestoresWithoutTheLog(FaultyFiles):
    """Restores the database of a vault whose process was killed, and not what is in its log."""

    caught_by = RESTORE
    left = "killed"

    async def restore(self, directory, source, kind, secret, amend):
        copy = directory.with_name(f".{directory.name}.copy")
        await to_thread.run_sync(lambda: shutil.copytree(source, copy, ignore=shutil.ignore_patterns("*-wal", "*-shm")))
        await super().restore(directory, copy, kind, secret, amend)


class OpensTheBackupItself(FaultyFiles):
    """Unlocks a backup to look at it before it restores, which changes its files."""

    caught_by = RESTORE
    left = "killed"

    async def restore(self, directory, source, kind, secret, amend):
        await (await self.unlock(source, kind, secret)).aclose()
        await super().restore(directory, source, kind, secret, amend)


# -- a backup while units go on


class TakesOneTableAfterTheOther(FaultyFiles):
    """Copies each table as it is when its turn comes."""

    caught_by = MOMENT

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            first = await self.read(lambda tx: tx.query("SELECT id, text FROM note"))
            while len(await self.read(lambda tx: tx.query("SELECT id FROM note"))) == len(first):
                """Until there is another one."""

            def unit(tx):
                tx.execute("DELETE FROM note")
                for row in first:
                    tx.execute("INSERT INTO note VALUES (?, ?)", row)
                amend(tx)

            await super().backup(target, unit)


class TakesATableInPieces(FaultyFiles):
    """Copies a table in pieces, each as it is when its turn comes."""

    caught_by = MOMENT

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            piece = await self.read(lambda tx: tx.query("SELECT text, id FROM note WHERE id < 5"))
            while await self.read(lambda tx: tx.query("SELECT text, id FROM note WHERE id < 5")) == piece:
                """Until they are others."""

            def unit(tx):
                for row in piece:
                    tx.execute("UPDATE note SET text = ? WHERE id = ?", row)
                amend(tx)

            await super().backup(target, unit)


class BacksUpWithoutTheLog(FaultyFiles):
    """Copies the database's file, and not what is still in its log."""

    caught_by = MOMENT

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def backup(self, target, amend):
            def copy() -> None:
                (target / "vault").mkdir(0o700, parents=True)
                for path in (self._opened.files.database, self._opened.files.header):
                    shutil.copy2(path, target / "vault")

            await to_thread.run_sync(copy)


# -- what is held up


class OneAtATime(SqlcipherVault):
    """A vault with one lock for units and views."""

    def one(self):
        return self.__dict__.setdefault("lock", Lock())

    async def transact(self, fn):
        async with self.one():
            return await super().transact(fn)

    async def read(self, fn):
        async with self.one():
            return await super().read(fn)


class WaitsInTheLoop(FaultyFiles):
    """Waits in the event loop until the thread has run a unit."""

    caught_by = LONG_UNIT

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def transact(self, fn):
            def unit(tx):
                try:
                    return fn(tx)
                finally:
                    ran.set()

            ran, job = Event(), Job(unit)
            self._writer.submit(job)
            ran.wait()
            return await job.outcome()


class ViewsWaitForUnits(FaultyFiles):
    """Has views wait until no unit runs."""

    caught_by = LONG_UNIT
    vault = OneAtATime


class ReadsWhatIsNotCommitted(FaultyFiles):
    """Reads with the connection that writes, and so what is not committed yet."""

    caught_by = LONG_UNIT

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def read(self, fn):
            opened = self._opened
            return await to_thread.run_sync(lambda: fn(View(opened.driver, opened.connection.cursor())))


class HasNoTransactionForViews(FaultyFiles):
    """Reads each statement of a view without a transaction around them."""

    caught_by = LONG_VIEW

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def read(self, fn):
            def view(tx):
                tx._cursor.execute("COMMIT")
                return fn(tx)

            return await super().read(view)


class UnitsWaitForViews(FaultyFiles):
    """Has units wait until no view runs."""

    caught_by = LONG_VIEW
    vault = OneAtATime


class RunsOneViewAtATime(FaultyFiles):
    """Runs one view at a time."""

    caught_by = LONG_VIEW

    class vault(SqlcipherVault):  # noqa: N801  # it stands for the attribute
        async def read(self, fn):
            async with self.__dict__.setdefault("lock", Lock()):
                return await super().read(fn)
