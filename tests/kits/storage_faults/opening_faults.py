"""Faults of how vaults are made, opened and locked."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress

from anyio import CancelScope, sleep
from anyio.lowlevel import checkpoint

from balchat_host.api.errors import BadInput, StorageFailed, VaultInUse, WrongSecret
from balchat_host.api.storage import SlotKind, SqlError
from balchat_host.api.types import Check, Problem, Secret
from balchat_host.testing.memory_storage import MemoryVault
from tests.kits.storage_faults.faulty_storage import FaultyStorage, InEveryUnit, vault_of

logger = logging.getLogger(__name__)


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

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        def __repr__(self):
            return f"Vault({self._disk.secrets[SlotKind.PASSPHRASE].decode()})"


class LosesUnits(FaultyStorage):
    """Answers before a unit is kept."""

    caught_by = "test_the_passphrase_opens_what_was_written"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        def run(self, fn, *, then_crash=False):
            return super().run(fn, then_crash=True)


class LocksOnce(FaultyStorage):
    """Raises when it is locked twice."""

    caught_by = "test_locking_twice_is_harmless"
    failures = (RuntimeError,)

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def aclose(self):
            if self._disk.holder is not self:
                raise RuntimeError("it is locked")
            await super().aclose()


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

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def verify_slot(self, kind, secret):
            kept = self._disk.secrets.get(kind, b"")
            alike = len(kept) > 72 and kept[:72] == secret.reveal()[:72]  # bcrypt's
            await super().verify_slot(kind, Secret(kept) if alike else secret)


class TellsWhatWasTyped(FaultyStorage):
    """Tells in the cause of an error what was typed."""

    caught_by = "test_an_error_tells_nothing_of_what_was_typed"

    async def unlock(self, directory, kind, secret):
        try:
            return await super().unlock(directory, kind, secret)
        except WrongSecret as error:
            raise error from ValueError(secret.reveal().decode())


class LogsStatements(FaultyStorage):
    """Logs what is written."""

    caught_by = "test_the_passphrase_opens_what_was_written"
    audited = True

    class Unit(InEveryUnit):
        def query(self, sql, parameters=()):
            logger.debug("%s %s", sql, parameters)
            return self._inner.query(sql, parameters)

    vault = vault_of(Unit)


class TakesAnyCode(FaultyStorage):
    """Makes a vault that any text opens as a recovery code."""

    caught_by = "test_a_vault_without_a_secret_is_not_made"

    def make(self, directory, slots, fill):
        fit = {SlotKind.RECOVERY_CODE: self.new_recovery_code()} if SlotKind.RECOVERY_CODE in slots else {}
        return super().make(directory, {**slots, **fit}, fill)


class LocksItAfterAWrongPassphrase(FaultyStorage):
    """Opens a vault to nobody after a wrong passphrase."""

    caught_by = "test_a_wrong_passphrase_opens_nothing"

    async def unlock(self, directory, kind, secret):
        try:
            return await super().unlock(directory, kind, secret)
        except WrongSecret:
            self._disks[directory].holder = MemoryVault(self._disks, self._disks[directory])
            raise


class MakesAFolderWhenItLooks(FaultyStorage):
    """Makes the folder of a vault when it looks whether there is one."""

    caught_by = "test_a_vault_exists_once_it_is_made"

    def exists(self, directory):
        directory.mkdir(exist_ok=True)
        return super().exists(directory)


class SaysThatTheDiskIsFull(FaultyStorage):
    """Says that the disk is full where it is not."""

    caught_by = "test_a_vault_exists_once_it_is_made"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def condition(self):
            return "the disk is full"


class HoldsWhatNobodyMade(FaultyStorage):
    """Keeps a vault open that nobody waits for any more who had it made."""

    caught_by = "test_whoever_gives_up_making_or_opening_a_vault_keeps_nobody_out"

    async def create(self, directory, slots, fill):
        made = self.make(directory, slots, fill)
        await checkpoint()
        return made


class HoldsWhatNobodyOpened(FaultyStorage):
    """Keeps a vault open that nobody waits for any more who had it opened."""

    caught_by = "test_whoever_gives_up_making_or_opening_a_vault_keeps_nobody_out"

    async def unlock(self, directory, kind, secret):
        with CancelScope(shield=True):
            opened = await super().unlock(directory, kind, secret)
        await checkpoint()
        return opened


class MakesVaultsInTwoSteps(FaultyStorage):
    """Makes a vault, and then fills it."""

    caught_by = "test_whoever_gives_up_making_or_opening_a_vault_keeps_nobody_out"
    failures = (SqlError,)

    async def create(self, directory, slots, fill):
        made = self.make(directory, slots, lambda _: None)
        try:
            await made.transact(fill)
        except BaseException:
            await made.aclose()
            raise
        return made

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def transact(self, fn):
            await checkpoint()
            return await super().transact(fn)

        async def aclose(self):
            with CancelScope(shield=True):
                await super().aclose()


class SaysTooEarlyThatItIsLocked(FaultyStorage):
    """Says that a vault is locked while somebody else is still locking it."""

    caught_by = "test_locking_twice_is_harmless"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        closing = False

        async def aclose(self):
            if self.closing:
                return
            self.closing = True
            await sleep(1)
            await super().aclose()


class LeavesItOpenWhenCancelled(FaultyStorage):
    """Leaves a vault open where whoever locks it is cancelled."""

    caught_by = "test_locking_happens_though_its_caller_is_cancelled"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def aclose(self):
            await checkpoint()
            await super().aclose()


class ShowsCodes(FaultyStorage):
    """Shows a recovery code in its repr."""

    caught_by = "test_nothing_shows_a_secret_in_its_repr"

    class Shown(Secret):
        def __repr__(self):
            return f"Code({self.reveal().decode()})"

    def new_recovery_code(self):
        return self.Shown(super().new_recovery_code().reveal())


class LeavesTheFirstTransactionOpen(FaultyStorage):
    """Lets the first transaction of a vault be used when its function has returned."""

    caught_by = "test_a_first_transaction_ends_with_its_function"

    def make(self, directory, slots, fill):
        units = []
        made = super().make(directory, slots, lambda tx: units.append(tx) or fill(tx))
        units[0]._ended = False
        return made


class HidesWhatTheFirstUnitRaised(FaultyStorage):
    """Raises an error of its own for what a vault's first unit raised."""

    caught_by = "test_a_first_unit_that_raises_makes_no_vault"

    def make(self, directory, slots, fill):
        try:
            return super().make(directory, slots, fill)
        except LookupError:
            raise StorageFailed(problem="the first unit failed") from None


class FindsSomethingWrong(FaultyStorage):
    """Finds something wrong with a vault that is well."""

    caught_by = "test_a_look_from_outside_finds_nothing_wrong"

    def checks(self, directory):
        problem = Problem(what="it is in memory", remedy="Keep it on a disk.")
        return [Check(name="vault", finding="in memory", problem=problem)]
