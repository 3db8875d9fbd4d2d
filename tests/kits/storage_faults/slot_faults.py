"""Faults of the secrets that open a vault."""

from __future__ import annotations

from contextlib import suppress

from anyio.lowlevel import checkpoint

from balchat_host.api.errors import BadInput, WrongSecret
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_host.testing import memory_storage
from balchat_host.testing.memory_storage import MemoryVault
from tests.kits.storage_faults.faulty_storage import FaultyStorage


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

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def set_slot(self, kind, secret):
            await checkpoint()


class ForgetsBeforeItLooks(FaultyStorage):
    """Deletes the old passphrase before it looks at the new one."""

    caught_by = "test_a_bad_new_secret_leaves_the_old_one"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def set_slot(self, kind, secret):
            self._disk.secrets.pop(kind, None)
            await super().set_slot(kind, secret)


class VerifiesEverything(FaultyStorage):
    """Says of every secret that it is right."""

    caught_by = "test_a_secret_is_verified_without_opening_again"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def verify_slot(self, kind, secret):
            await checkpoint()


class NamesOneSlot(FaultyStorage):
    """Does not say that there is a recovery code."""

    caught_by = "test_slots_are_added_and_named"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def slots(self):
            return (await super().slots())[:1]


class KeepsTheOldCode(FaultyStorage):
    """Opens with a recovery code that was replaced."""

    caught_by = "test_a_changed_recovery_code_replaces_the_old_one_alone"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def set_slot(self, kind, secret):
            old = self._disk.secrets.get(kind)
            await super().set_slot(kind, secret)
            if kind is SlotKind.RECOVERY_CODE and old is not None:
                self._disk.secrets[kind] = old


class MakesGuessableCodes(FaultyStorage):
    """Makes recovery codes with 32 bits of chance."""

    caught_by = "test_every_recovery_code_is_another"

    def new_recovery_code(self):
        digits = bytes(24).hex().encode()[:24] + super().new_recovery_code().reveal()[:8]
        return Secret(digits + memory_storage._check(digits))


class TakesCodesLiterally(FaultyStorage):
    """Opens with a recovery code only where it is typed in capital letters and without blanks as it was shown."""

    caught_by = "test_the_recovery_code_opens_as_a_person_types_it"

    async def unlock(self, directory, kind, secret):
        if secret.reveal() != secret.reveal().strip():
            raise BadInput(what="recovery code", problem="it has blanks")
        return await super().unlock(directory, kind, secret)


class LosesTheSlotOfWhoGivesUp(FaultyStorage):
    """Deletes the old passphrase before it has the new one, and may stop between the two."""

    caught_by = "test_giving_up_a_change_leaves_the_old_passphrase_or_the_new_one"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def set_slot(self, kind, secret):
            self._disk.secrets.pop(kind)
            await checkpoint()
            await super().set_slot(kind, secret)


class HasOneSlot(FaultyStorage):
    """Forgets the passphrase when a recovery code is set."""

    caught_by = "test_slots_are_added_and_named"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def set_slot(self, kind, secret):
            await super().set_slot(kind, secret)
            self._disk.secrets = {kind: self._disk.secrets[kind]}


class VerifiesWithAnySlot(FaultyStorage):
    """Says of a secret that it is right where it is that of another slot."""

    caught_by = "test_slots_are_added_and_named"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def verify_slot(self, kind, secret):
            for each in self._disk.secrets:
                with suppress(WrongSecret, BadInput):
                    return await super().verify_slot(each, secret)
            return await super().verify_slot(kind, secret)


class CallsWrongMistyped(FaultyStorage):
    """Calls a wrong recovery code a mistyped one when it verifies it."""

    caught_by = "test_a_secret_is_verified_without_opening_again"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def verify_slot(self, kind, secret):
            try:
                await super().verify_slot(kind, secret)
            except WrongSecret:
                raise BadInput(what=str(kind), problem="it is mistyped") from None


class KeepsTheFirstOfTwoSlots(FaultyStorage):
    """Keeps the first of the secrets that it is given for a new vault."""

    caught_by = "test_a_secret_opens_only_as_what_it_is"

    def make(self, directory, slots, fill):
        return super().make(directory, dict([*slots.items()][:1]), fill)


class OpensAnUnusedSlot(FaultyStorage):
    """Opens with any recovery code a vault that has none."""

    caught_by = "test_a_slot_that_is_not_used_opens_nothing"

    async def unlock(self, directory, kind, secret):
        kept = self._disks[directory].secrets
        if kind not in kept:
            return await super().unlock(directory, SlotKind.PASSPHRASE, Secret(kept[SlotKind.PASSPHRASE]))
        return await super().unlock(directory, kind, secret)
