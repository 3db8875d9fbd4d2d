"""Faults of how vaults are made, opened and locked."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress

from balchat_host.api.errors import BadInput, VaultInUse, WrongSecret
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_host.testing.memory_storage import MemoryVault
from tests.kits.storage_faults.faulty_storage import FaultyStorage, _InEveryUnit, _vault

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

    class vault(MemoryVault):  # noqa: N801  # see above
        def __repr__(self):
            return f"Vault({self._disk.secrets[SlotKind.PASSPHRASE].decode()})"


class LosesUnits(FaultyStorage):
    """Answers before a unit is kept."""

    caught_by = "test_the_passphrase_opens_what_was_written"

    class vault(MemoryVault):  # noqa: N801  # see above
        def run(self, fn, *, then_crash=False):
            return super().run(fn, then_crash=True)


class LocksOnce(FaultyStorage):
    """Raises when it is locked twice."""

    caught_by = "test_locking_twice_is_harmless"
    failures = (RuntimeError,)

    class vault(MemoryVault):  # noqa: N801  # see above
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

    class vault(MemoryVault):  # noqa: N801  # see above
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

    class Unit(_InEveryUnit):
        def query(self, sql, parameters=()):
            logger.debug("%s %s", sql, parameters)
            return self._inner.query(sql, parameters)

    vault = _vault(Unit)
