"""The storage in memory, and what a fault can change of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from balchat_host.testing.memory_storage import MemoryStorage, MemoryVault

if TYPE_CHECKING:
    import threading


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


class InEveryUnit:
    """What a unit is given, with something else about it."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)


def vault_of(unit):
    """Return the vault whose units are given `unit` of the transaction."""

    class Vault(MemoryVault):
        def run(self, fn, *, then_crash=False):
            return super().run(lambda tx: fn(unit(tx)), then_crash=then_crash)

    return Vault


def area_of(area):
    """Return the vault whose units and views are given `area` of each area."""

    class Unit(InEveryUnit):
        def area(self, name):
            return area(self._inner.area(name))

    class Vault(vault_of(Unit)):
        async def read(self, fn):
            return await super().read(lambda tx: fn(Unit(tx)))

    return Vault
