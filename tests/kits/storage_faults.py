"""Faults for a storage, in the one in memory."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager, suppress
from typing import ClassVar

from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from balchat_host.api.errors import BadInput, VaultInUse, WrongSecret
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_host.testing import memory_storage
from balchat_host.testing.memory_storage import MemoryStorage, MemoryVault
from balchat_host.testing.sqlite_transaction import SqliteTransaction, SqliteView

logger = logging.getLogger(__name__)


class FaultyStorage(MemoryStorage):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    failures: ClassVar[tuple[type[BaseException], ...]] = ()
    """How the test fails where that is no failure of every plugin."""
    vault: ClassVar[type[MemoryVault]] = MemoryVault
    left: ClassVar[list[threading.Event]] = []

    def make(self, directory, slots, fill):
        made = super().make(directory, slots, fill)
        made.__class__ = self.vault
        return made

    async def unlock(self, directory, kind, secret):
        unlocked = await super().unlock(directory, kind, secret)
        unlocked.__class__ = self.vault
        return unlocked


# -- opening


class OpensForAnybody(FaultyStorage):
    """Opens with any passphrase."""

    caught_by = "test_a_wrong_passphrase_opens_nothing"

    async def unlock(self, directory, kind, secret):
        disk = self._disks.get(directory)
        return await super().unlock(directory, kind, Secret(disk.secrets[kind]) if disk else secret)


class TakesAnySecretForAny(FaultyStorage):
    """Takes a recovery code where a passphrase is asked for."""

    caught_by = "test_a_secret_opens_only_as_what_it_is"

    async def unlock(self, directory, kind, secret):
        for each in SlotKind:
            with suppress(WrongSecret, BadInput):
                return await super().unlock(directory, each, secret)
        return await super().unlock(directory, kind, secret)


class MakesOverWhatIsThere(FaultyStorage):
    """Makes a vault over another one."""

    caught_by = "test_a_second_vault_is_never_made_over_the_first"

    def make(self, directory, slots, fill):
        self._disks.pop(directory, None)
        return super().make(directory, slots, fill)


class MakesWhatItShouldOpen(FaultyStorage):
    """Makes a vault where there is none to open."""

    caught_by = "test_opening_where_there_is_none_makes_none"

    async def unlock(self, directory, kind, secret):
        if not self.exists(directory):
            await (await self.create(directory, {kind: secret}, lambda _: None)).aclose()
        return await super().unlock(directory, kind, secret)


class TakesWeakPassphrases(FaultyStorage):
    """Takes a weak passphrase."""

    caught_by = "test_a_weak_passphrase_makes_no_vault"

    def make(self, directory, slots, fill):
        longer = {kind: Secret(each.reveal() + b" " * 8) for kind, each in slots.items()}
        return super().make(directory, longer, fill)


class PraisesWeakPassphrases(FaultyStorage):
    """Says of a weak passphrase that it may be used."""

    caught_by = "test_a_weak_passphrase_is_told_from_a_good_one_beforehand"

    def check_passphrase(self, passphrase: Secret) -> None:
        pass


class LeavesHalfAVault(FaultyStorage):
    """Leaves a vault behind whose first unit has failed."""

    caught_by = "test_a_first_unit_that_raises_makes_no_vault"

    def make(self, directory, slots, fill):
        try:
            return super().make(directory, slots, fill)
        except LookupError:
            super().make(directory, slots, lambda _: None).__class__ = self.vault
            raise


class ExistsTooEarly(FaultyStorage):
    """Says that a vault is there while it is being made."""

    caught_by = "test_there_is_no_vault_before_its_first_unit_is_done"

    def make(self, directory, slots, fill):
        self.making = directory
        return super().make(directory, slots, fill)

    def exists(self, directory):
        return super().exists(directory) or directory == getattr(self, "making", None)


class OpensTwice(FaultyStorage):
    """Opens a vault that is open."""

    caught_by = "test_a_vault_is_open_once"

    async def unlock(self, directory, kind, secret):
        with suppress(VaultInUse):
            return await super().unlock(directory, kind, secret)
        self.kill(directory)
        return await super().unlock(directory, kind, secret)


class WorksWhenLocked(FaultyStorage):
    """Goes on working when it is locked."""

    caught_by = "test_a_locked_vault_refuses_everything"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        def _refuse_closed(self):
            pass


class ShowsSecrets(FaultyStorage):
    """Shows a secret in its repr."""

    caught_by = "test_nothing_shows_a_secret_in_its_repr"

    class vault(MemoryVault):  # noqa: N801  # see above
        def __repr__(self):
            return f"Vault({self._disk.secrets[SlotKind.PASSPHRASE].decode()})"


# -- secrets


class CallsMistypedWrong(FaultyStorage):
    """Calls a mistyped recovery code a wrong one."""

    caught_by = "test_a_mistyped_recovery_code_is_told_from_a_wrong_one"

    async def unlock(self, directory, kind, secret):
        try:
            return await super().unlock(directory, kind, secret)
        except BadInput:
            raise WrongSecret(slot=str(kind)) from None


class KeepsTheOldPassphrase(FaultyStorage):
    """Opens with a passphrase that was changed."""

    caught_by = "test_a_changed_passphrase_replaces_the_old_one"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def set_slot(self, kind, secret):
            await checkpoint()


class ForgetsBeforeItLooks(FaultyStorage):
    """Deletes the old passphrase before it looks at the new one."""

    caught_by = "test_a_bad_new_secret_leaves_the_old_one"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def set_slot(self, kind, secret):
            self._disk.secrets.pop(kind, None)
            await super().set_slot(kind, secret)


# -- units and views


class KeepsWhatFailed(FaultyStorage):
    """Keeps what a unit did that raised."""

    caught_by = "test_a_unit_that_raises_is_undone_and_raises_that"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def transact(self, fn):
            raised = []

            def unit(tx):
                try:
                    return fn(tx)
                except LookupError as error:
                    raised.append(error)

            result = await super().transact(unit)
            if raised:
                raise raised[0]
            return result


class HidesWhatWasRaised(FaultyStorage):
    """Raises an error of its own for what a unit raised."""

    caught_by = "test_a_unit_that_raises_is_undone_and_raises_that"
    failures = (RuntimeError,)

    class vault(MemoryVault):  # noqa: N801  # see above
        async def transact(self, fn):
            try:
                return await super().transact(fn)
            except Exception:  # noqa: BLE001  # that is the fault
                raise RuntimeError("a unit failed") from None


class ForgetsCancelledUnits(FaultyStorage):
    """Does not run a unit whose caller was cancelled."""

    caught_by = "test_a_unit_happens_though_its_caller_is_cancelled"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def transact(self, fn):
            await checkpoint_if_cancelled()
            return await super().transact(fn)


class LeavesTransactionsOpen(FaultyStorage):
    """Lets a transaction be used when its function has returned."""

    caught_by = "test_a_transaction_ends_with_its_function"

    class vault(MemoryVault):  # noqa: N801  # see above
        def run(self, fn, *, then_crash=False):
            result = super().run(fn, then_crash=then_crash)
            if isinstance(result, SqliteTransaction):
                result._ended = False
            return result


class UndoesNothing(FaultyStorage):
    """Undoes nothing of a savepoint."""

    caught_by = "test_a_savepoint_undoes_only_its_block"

    class vault(MemoryVault):  # noqa: N801  # see above
        def run(self, fn, *, then_crash=False):
            def unit(tx):
                @contextmanager
                def savepoint():
                    yield

                tx.savepoint = savepoint
                return fn(tx)

            return super().run(unit, then_crash=then_crash)


class LetsViewsWrite(FaultyStorage):
    """Lets a view change what it looks at."""

    caught_by = "test_a_view_changes_nothing"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def read(self, fn):
            self._refuse_closed()
            await checkpoint()
            return fn(SqliteTransaction(self._disk.database))


class ShowsTheOld(FaultyStorage):
    """Shows what was there a unit ago."""

    caught_by = "test_a_view_holds_everything_committed_before"

    class vault(MemoryVault):  # noqa: N801  # see above
        def run(self, fn, *, then_crash=False):
            self.old = memory_storage.memory_database()
            self._disk.database.backup(self.old)
            return super().run(fn, then_crash=then_crash)

        async def read(self, fn):
            await checkpoint()
            try:
                return fn(SqliteView(self.old))
            finally:
                self.old.close()


class LosesUnits(FaultyStorage):
    """Answers before a unit is kept."""

    caught_by = "test_the_passphrase_opens_what_was_written"

    class vault(MemoryVault):  # noqa: N801  # see above
        def run(self, fn, *, then_crash=False):
            return super().run(fn, then_crash=True)


class MixesAreas(FaultyStorage):
    """Keeps all areas as one."""

    caught_by = "test_two_areas_never_see_each_others_keys"

    class vault(MemoryVault):  # noqa: N801  # see above
        def run(self, fn, *, then_crash=False):
            def unit(tx):
                area = tx.area
                tx.area = lambda name: area("all")
                return fn(tx)

            return super().run(unit, then_crash=then_crash)


class _InEveryUnit:
    """What a unit is given, with something else about it."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)


def _vault(unit):
    """Return the vault whose units are given `unit` of the transaction."""

    class Vault(MemoryVault):
        def run(self, fn, *, then_crash=False):
            return super().run(lambda tx: fn(unit(tx)), then_crash=then_crash)

    return Vault


class KnowsNoCase(FaultyStorage):
    """Takes areas whose names differ in case for one."""

    caught_by = "test_each_name_is_an_area_of_its_own"

    class Unit(_InEveryUnit):
        def area(self, name):
            return self._inner.area(name.lower())

    vault = _vault(Unit)


class DeletesMore(FaultyStorage):
    """Deletes every key that begins with the one that is to be deleted."""

    caught_by = "test_each_key_is_deleted_by_itself"

    class Unit(_InEveryUnit):
        class Area(_InEveryUnit):
            def delete(self, key):
                for each, _ in self._inner.scan(key):
                    self._inner.delete(each)

        def area(self, name):
            return self.Area(self._inner.area(name))

    vault = _vault(Unit)


class ScansBackwards(FaultyStorage):
    """Scans an area from its end."""

    caught_by = "test_a_scan_gives_what_was_there_when_it_began"

    class Unit(_InEveryUnit):
        class Area(_InEveryUnit):
            def scan(self, prefix=b"", *, before=None):
                return reversed(list(self._inner.scan(prefix, before=before)))

        def area(self, name):
            return self.Area(self._inner.area(name))

    vault = _vault(Unit)


class CountsOneRow(FaultyStorage):
    """Says of every statement that it changed one row."""

    caught_by = "test_execute_counts_the_rows_that_it_changed"

    class Unit(_InEveryUnit):
        def execute(self, sql, parameters=()):
            self._inner.execute(sql, parameters)
            return 1

    vault = _vault(Unit)


class NumbersWhatItDidNotInsert(FaultyStorage):
    """Gives the number of the last row where it inserted nothing."""

    caught_by = "test_insert_gives_the_number_of_its_row"

    class Unit(_InEveryUnit):
        def insert(self, sql, parameters=()):
            self._inner.insert(sql, parameters)
            return self._inner.query("SELECT last_insert_rowid()")[0][0]

    vault = _vault(Unit)


class CommitsInScripts(FaultyStorage):
    """Commits what a unit did so far when it runs a script."""

    caught_by = "test_a_script_runs_every_statement_in_the_unit"

    class vault(MemoryVault):  # noqa: N801  # see above
        def run(self, fn, *, then_crash=False):
            def unit(tx):
                script = tx.script

                def committing(sql):
                    script(sql)
                    self._disk.database.execute("COMMIT")
                    self._disk.database.execute("BEGIN")

                tx.script = committing
                return fn(tx)

            return super().run(unit, then_crash=then_crash)


class VerifiesEverything(FaultyStorage):
    """Says of every secret that it is right."""

    caught_by = "test_a_secret_is_verified_without_opening_again"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def verify_slot(self, kind, secret):
            await checkpoint()


class NamesOneSlot(FaultyStorage):
    """Does not say that there is a recovery code."""

    caught_by = "test_slots_are_added_and_named"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def slots(self):
            return (await super().slots())[:1]


class LocksOnce(FaultyStorage):
    """Raises when it is locked twice."""

    caught_by = "test_locking_twice_is_harmless"
    failures = (RuntimeError,)

    class vault(MemoryVault):  # noqa: N801  # see above
        async def aclose(self):
            if self._disk.holder is not self:
                raise RuntimeError("it is locked")
            await super().aclose()


# -- copies


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


# -- what the audit finds


class LogsPassphrases(FaultyStorage):
    """Logs what was typed."""

    caught_by = "test_a_wrong_passphrase_opens_nothing"
    audited = True

    async def unlock(self, directory, kind, secret):
        logger.debug("unlocking with %s", secret.reveal().decode())
        return await super().unlock(directory, kind, secret)


class LeavesAThread(FaultyStorage):
    """Leaves a thread behind when it is locked."""

    caught_by = "test_the_passphrase_opens_what_was_written"
    audited = True

    async def unlock(self, directory, kind, secret):
        end = threading.Event()
        self.left.append(end)
        threading.Thread(target=end.wait).start()
        return await super().unlock(directory, kind, secret)


# -- areas


def _area(area):
    """Return the vault whose units and views are given `area` of each area."""

    class Unit(_InEveryUnit):
        def area(self, name):
            return area(self._inner.area(name))

    class Vault(_vault(Unit)):
        async def read(self, fn):
            return await super().read(lambda tx: fn(Unit(tx)))

    return Vault


class SortsByLength(FaultyStorage):
    """Sorts short keys before long ones."""

    caught_by = "test_keys_sort_as_their_octets_do"

    class Area(_InEveryUnit):
        def scan(self, prefix=b"", *, before=None):
            return iter(sorted(self._inner.scan(prefix, before=before), key=lambda row: (len(row[0]), row)))

    vault = _area(Area)


class SortsAsSigned(FaultyStorage):
    """Sorts octets above 127 before all others."""

    caught_by = "test_keys_sort_as_their_octets_do"

    class Area(_InEveryUnit):
        def scan(self, prefix=b"", *, before=None):
            rows = self._inner.scan(prefix, before=before)
            return iter(sorted(rows, key=lambda row: [octet ^ 128 for octet in row[0]]))

    vault = _area(Area)


class IncludesTheBound(FaultyStorage):
    """Takes `before` for the last key that is wanted."""

    caught_by = "test_keys_sort_as_their_octets_do"

    class Area(_InEveryUnit):
        def scan(self, prefix=b"", *, before=None):
            return self._inner.scan(prefix, before=None if before is None else before + b"\0")

    vault = _area(Area)


class TakesEmptyForAbsent(FaultyStorage):
    """Says of a key whose value is empty that it is not there."""

    caught_by = "test_what_is_empty_is_told_from_what_is_absent"

    class Area(_InEveryUnit):
        def get(self, key):
            return self._inner.get(key) or None

    vault = _area(Area)


class CutsLongKeys(FaultyStorage):
    """Knows a key by its first 255 octets."""

    caught_by = "test_keys_and_values_may_be_long"

    class Area(_InEveryUnit):
        def put(self, key, value):
            self._inner.put(key[:255], value)

    vault = _area(Area)


class ShowsAllAreasInViews(FaultyStorage):
    """Shows views a key of whichever area has it."""

    caught_by = "test_two_areas_never_see_each_others_keys"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def read(self, fn):
            def view(tx):
                class Area:
                    def get(self, key):
                        rows = tx.query("SELECT value FROM vault_area WHERE key = ?", (key,))
                        return rows[0][0] if rows else None

                tx.area = lambda _: Area()
                return fn(tx)

            return await super().read(view)


class SavesNoAreas(FaultyStorage):
    """Undoes the SQL of a savepoint, and not its areas."""

    caught_by = "test_a_savepoint_undoes_areas_too"

    class Unit(_InEveryUnit):
        @contextmanager
        def savepoint(self):
            rows = self._inner.area_rows
            changed = None
            try:
                with self._inner.savepoint():
                    try:
                        yield
                    finally:
                        changed = rows.copy()
            except BaseException:
                rows.restore(changed)
                raise

    vault = _vault(Unit)


class SavesTheOutermost(FaultyStorage):
    """Undoes the outermost savepoint alone, whichever one fails."""

    caught_by = "test_a_savepoint_undoes_only_its_block"

    class Unit(_InEveryUnit):
        inside = False

        @contextmanager
        def savepoint(self):
            if self.inside:
                yield
                return
            self.inside = True
            try:
                with self._inner.savepoint():
                    yield
            finally:
                self.inside = False

    vault = _vault(Unit)


class KeepsWhatWasInterrupted(FaultyStorage):
    """Keeps what a unit did that ended with what is no Exception."""

    caught_by = "test_a_unit_that_raises_is_undone_and_raises_that"

    class vault(MemoryVault):  # noqa: N801  # see above
        def run(self, fn, *, then_crash=False):
            raised = []

            def unit(tx):
                try:
                    return fn(tx)
                except Exception:
                    raise
                except BaseException as error:  # noqa: BLE001  # that is the fault
                    raised.append(error)

            result = super().run(unit, then_crash=then_crash)
            if raised:
                raise raised[0]
            return result


# -- more of secrets


class ForgivesCase(FaultyStorage):
    """Opens with a passphrase whose letters are all capital ones."""

    caught_by = "test_a_passphrase_counts_as_a_whole"

    async def unlock(self, directory, kind, secret):
        disk = self._disks.get(directory)
        kept = disk.secrets.get(kind, b"") if disk else b""
        alike = kept.decode().lower() == secret.reveal().decode().lower()
        return await super().unlock(directory, kind, Secret(kept) if alike else secret)


class ReadsThePassphraseInPart(FaultyStorage):
    """Looks at the first octets of a passphrase, as bcrypt does."""

    caught_by = "test_a_passphrase_counts_as_a_whole"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def verify_slot(self, kind, secret):
            kept = self._disk.secrets.get(kind, b"")
            alike = len(kept) > 72 and kept[:72] == secret.reveal()[:72]  # bcrypt's
            await super().verify_slot(kind, Secret(kept) if alike else secret)


class KeepsTheOldCode(FaultyStorage):
    """Opens with a recovery code that was replaced."""

    caught_by = "test_a_changed_recovery_code_replaces_the_old_one_alone"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def set_slot(self, kind, secret):
            old = self._disk.secrets.get(kind)
            await super().set_slot(kind, secret)
            if kind is SlotKind.RECOVERY_CODE and old is not None:
                self._disk.secrets[kind] = old


class TellsWhatWasTyped(FaultyStorage):
    """Tells in the cause of an error what was typed."""

    caught_by = "test_an_error_tells_nothing_of_what_was_typed"

    async def unlock(self, directory, kind, secret):
        try:
            return await super().unlock(directory, kind, secret)
        except WrongSecret as error:
            raise error from ValueError(secret.reveal().decode())


class MakesGuessableCodes(FaultyStorage):
    """Makes recovery codes with 32 bits of chance."""

    caught_by = "test_every_recovery_code_is_another"

    def new_recovery_code(self):
        digits = bytes(24).hex().encode()[:24] + super().new_recovery_code().reveal()[:8]
        return Secret(digits + memory_storage._check(digits))


class BacksUpNoVersion(FaultyStorage):
    """Makes backups without the version of the host's tables."""

    caught_by = "test_a_backup_is_a_vault_that_the_same_secret_opens"

    class vault(MemoryVault):  # noqa: N801  # see above
        async def backup(self, target, amend):
            await super().backup(target, amend)
            self._disks[target].database.execute("PRAGMA user_version = 0")


class LogsStatements(FaultyStorage):
    """Logs what is written."""

    caught_by = "test_the_passphrase_opens_what_was_written"
    audited = True

    class Unit(_InEveryUnit):
        def query(self, sql, parameters=()):
            logger.debug("%s %s", sql, parameters)
            return self._inner.query(sql, parameters)

    vault = _vault(Unit)


FAULTS = list(FaultyStorage.__subclasses__())
