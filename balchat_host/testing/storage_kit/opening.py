"""How a vault is made, opened, locked and closed."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import anyio
import pytest
from anyio import CancelScope, ClosedResourceError, to_thread

from balchat_host.api.errors import (
    AccountExists,
    BadInput,
    BalchatError,
    NoSuchProfile,
    VaultInUse,
    WeakPassphrase,
    WrongSecret,
)
from balchat_host.api.storage import (
    SlotKind,
    Storage,
    Transaction,
    Vault,
)
from balchat_host.api.types import Secret
from balchat_host.testing.storage_kit.vaults import (
    OTHER_PASSPHRASE,
    PASSPHRASE,
    PRIVATE,
    SOME,
    StorageKitBase,
    add_note,
    as_it_is,
    closing_vault,
    exists,
    make_notes,
    mistyped,
    new_code,
    new_vault,
    notes,
    shows,
    unlocked,
)


@pytest.mark.anyio
class OpeningTests(StorageKitBase):
    """How a vault is made, opened, locked and closed."""

    # -- making and opening

    async def test_a_vault_exists_once_it_is_made(self, storage: Storage, directory: Path) -> None:
        assert not await exists(storage, directory)
        await to_thread.run_sync(storage.checks, directory)
        assert not await anyio.Path(directory).exists(), "whoever looks makes nothing"
        async with new_vault(storage, directory) as vault:
            assert await exists(storage, directory)
            assert await vault.condition() is None, "nothing keeps the disk from taking anything"
        assert await exists(storage, directory)

    async def test_whoever_gives_up_making_or_opening_a_vault_keeps_nobody_out(
        self, storage: Storage, directory: Path
    ) -> None:
        async def given_up(call: Callable[[], Awaitable[Vault]]) -> None:
            """Cancel it, and lock what it gives all the same."""
            vaults: list[Vault] = []
            with CancelScope() as scope:
                scope.cancel()
                vaults.append(await call())
            with CancelScope(shield=True):
                for vault in vaults:
                    await vault.aclose()

        slots = {SlotKind.PASSPHRASE: PASSPHRASE}
        await given_up(partial(storage.create, directory, slots, make_notes))
        if not await exists(storage, directory):
            await (await storage.create(directory, slots, make_notes)).aclose()
        await given_up(partial(storage.unlock, directory, SlotKind.PASSPHRASE, PASSPHRASE))
        async with unlocked(storage, directory) as vault:
            assert await vault.read(notes) == [], "its first unit was not done"

    async def test_the_passphrase_opens_what_was_written(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory) as vault:
            await vault.transact(add_note(PRIVATE))
            await vault.transact(lambda tx: tx.area("a").put(b"key", PRIVATE.encode()))
        async with unlocked(storage, directory) as vault:
            assert await vault.read(notes) == [PRIVATE]
            assert await vault.read(lambda tx: tx.area("a").get(b"key")) == PRIVATE.encode()

    async def test_a_passphrase_counts_as_a_whole(self, storage: Storage, directory: Path) -> None:
        text = PASSPHRASE.reveal().decode()
        long = "word " * 50
        await (await storage.create(directory, {SlotKind.PASSPHRASE: PASSPHRASE}, make_notes)).aclose()
        wrong = [text[:-1], text + "x", text.upper(), f" {text}", text.encode("ascii", "ignore").decode()]
        for typed in wrong:
            with pytest.raises(WrongSecret):
                await storage.unlock(directory, SlotKind.PASSPHRASE, Secret.from_text(typed))
        async with unlocked(storage, directory) as vault:
            await vault.set_slot(SlotKind.PASSPHRASE, Secret.from_text(f"{long}1"))
            with pytest.raises(WrongSecret):
                await vault.verify_slot(SlotKind.PASSPHRASE, Secret.from_text(f"{long}2"))

    async def test_an_error_tells_nothing_of_what_was_typed(self, storage: Storage, directory: Path) -> None:
        code, weak = new_code(storage), Secret.from_text("shrt1")
        slots = {SlotKind.PASSPHRASE: PASSPHRASE, SlotKind.RECOVERY_CODE: code}
        async with closing_vault(await storage.create(directory, slots, make_notes)) as vault:
            for secret, call in (
                (OTHER_PASSPHRASE, partial(vault.verify_slot, SlotKind.PASSPHRASE, OTHER_PASSPHRASE)),
                (weak, partial(vault.set_slot, SlotKind.PASSPHRASE, weak)),
                (weak, partial(storage.create, directory / "other", {SlotKind.PASSPHRASE: weak}, make_notes)),
                (mistyped(code), partial(vault.set_slot, SlotKind.RECOVERY_CODE, mistyped(code))),
            ):
                await self._fails_silently(secret, call)
        for kind, secret in ((SlotKind.PASSPHRASE, OTHER_PASSPHRASE), (SlotKind.RECOVERY_CODE, mistyped(code))):
            await self._fails_silently(secret, partial(storage.unlock, directory, kind, secret))

    @staticmethod
    async def _fails_silently(secret: Secret, call: Callable[[], Awaitable[object]]) -> None:
        with pytest.raises(BalchatError) as raised:
            await call()
        told = [str(raised.value), repr(raised.value.__cause__), repr(getattr(raised.value, "__notes__", ""))]
        assert not any(shows(secret, each) for each in told), f"it tells what was typed: {raised.value!r}"

    async def test_a_second_vault_is_never_made_over_the_first(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory) as vault:
            await vault.transact(add_note("first"))
            with pytest.raises(AccountExists):
                await storage.create(directory, {SlotKind.PASSPHRASE: OTHER_PASSPHRASE}, make_notes)
        with pytest.raises(AccountExists):
            await storage.create(directory, {SlotKind.PASSPHRASE: OTHER_PASSPHRASE}, make_notes)
        async with unlocked(storage, directory) as vault:
            assert await vault.read(notes) == ["first"]

    async def test_opening_where_there_is_none_makes_none(self, storage: Storage, directory: Path) -> None:
        with pytest.raises(NoSuchProfile):
            await storage.unlock(directory, SlotKind.PASSPHRASE, PASSPHRASE)
        assert not await exists(storage, directory)

    async def test_a_wrong_passphrase_opens_nothing(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory):
            pass
        with pytest.raises(WrongSecret, match="This passphrase does not open"):
            await storage.unlock(directory, SlotKind.PASSPHRASE, OTHER_PASSPHRASE)
        async with unlocked(storage, directory):
            pass

    async def test_a_secret_opens_only_as_what_it_is(self, storage: Storage, directory: Path) -> None:
        code = new_code(storage)
        slots = {SlotKind.PASSPHRASE: PASSPHRASE, SlotKind.RECOVERY_CODE: code}
        vault = await storage.create(directory, slots, make_notes)
        await vault.aclose()
        with pytest.raises(WrongSecret):
            await storage.unlock(directory, SlotKind.PASSPHRASE, code)
        await (await storage.unlock(directory, SlotKind.RECOVERY_CODE, code)).aclose()

    async def test_a_slot_that_is_not_used_opens_nothing(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory):
            pass
        with pytest.raises(WrongSecret, match="This recovery code does not open"):
            await storage.unlock(directory, SlotKind.RECOVERY_CODE, new_code(storage))

    async def test_a_weak_passphrase_makes_no_vault(self, storage: Storage, directory: Path) -> None:
        with pytest.raises(WeakPassphrase):
            await storage.create(directory, {SlotKind.PASSPHRASE: Secret.from_text("short")}, make_notes)
        assert not await exists(storage, directory)
        async with new_vault(storage, directory):
            pass

    def test_a_weak_passphrase_is_told_from_a_good_one_beforehand(self, storage: Storage) -> None:
        with pytest.raises(WeakPassphrase) as raised:
            storage.check_passphrase(Secret.from_text("shrt1"))
        assert "shrt1" not in str(raised.value)
        storage.check_passphrase(PASSPHRASE)

    async def test_a_vault_without_a_secret_is_not_made(self, storage: Storage, directory: Path) -> None:
        with pytest.raises(BadInput):
            await storage.create(directory, {}, make_notes)
        no_code = {SlotKind.PASSPHRASE: PASSPHRASE, SlotKind.RECOVERY_CODE: Secret.from_text("no code at all")}
        with pytest.raises(BadInput):
            await storage.create(directory, no_code, make_notes)
        assert not await exists(storage, directory)

    async def test_what_the_first_unit_wrote_is_in_the_vault(self, storage: Storage, directory: Path) -> None:
        def fill(tx: Transaction) -> None:
            make_notes(tx)
            add_note("first")(tx)
            tx.area("a").put(b"key", b"value")
            tx.execute("PRAGMA user_version = 7")

        async with closing_vault(await storage.create(directory, {SlotKind.PASSPHRASE: PASSPHRASE}, fill)) as vault:
            assert await vault.read(notes) == ["first"]
            await vault.transact(add_note("second"))
        async with unlocked(storage, directory) as vault:
            assert await vault.read(notes) == ["first", "second"]
            assert await vault.read(lambda tx: tx.area("a").get(b"key")) == b"value"
            assert await vault.read(lambda tx: tx.query("PRAGMA user_version")) == [(7,)]

    async def test_a_first_unit_that_raises_makes_no_vault(self, storage: Storage, directory: Path) -> None:
        error = LookupError("mine")

        def fill(tx: Transaction) -> None:
            make_notes(tx)
            raise error

        with pytest.raises(LookupError) as raised:
            await storage.create(directory, {SlotKind.PASSPHRASE: PASSPHRASE}, fill)
        assert raised.value is error
        assert not await exists(storage, directory)
        with pytest.raises(NoSuchProfile):
            await storage.unlock(directory, SlotKind.PASSPHRASE, PASSPHRASE)
        async with new_vault(storage, directory) as vault:
            assert await vault.read(notes) == []

    async def test_there_is_no_vault_before_its_first_unit_is_done(self, storage: Storage, directory: Path) -> None:
        def fill(tx: Transaction) -> None:
            make_notes(tx)
            found.append(storage.exists(directory))

        found: list[bool] = []
        await (await storage.create(directory, {SlotKind.PASSPHRASE: PASSPHRASE}, fill)).aclose()
        assert found == [False]

    async def test_a_first_transaction_ends_with_its_function(self, storage: Storage, directory: Path) -> None:
        kept: list[Transaction] = []
        slots = {SlotKind.PASSPHRASE: PASSPHRASE}
        async with closing_vault(await storage.create(directory, slots, kept.append)):
            with pytest.raises(RuntimeError):
                kept[0].execute("CREATE TABLE late (n INTEGER)")

    async def test_a_vault_is_open_once(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory):
            with pytest.raises(VaultInUse):
                await storage.unlock(directory, SlotKind.PASSPHRASE, PASSPHRASE)
        async with unlocked(storage, directory):
            pass

    async def test_a_look_from_outside_finds_nothing_wrong(self, storage: Storage, directory: Path) -> None:
        checks = await to_thread.run_sync(storage.checks, directory)
        assert all(check.problem is None for check in checks)
        async with new_vault(storage, directory):
            checks = await to_thread.run_sync(storage.checks, directory)
            assert checks
            assert all(check.problem is None for check in checks)

    # -- the end

    async def test_locking_finishes_what_was_handed_in(self, storage: Storage, directory: Path) -> None:
        done: list[int] = []

        async def hand_in(vault: Vault, number: int) -> None:
            done.append(await vault.transact(add_note(str(number))))

        async with new_vault(storage, directory) as vault, anyio.create_task_group() as tasks:
            for number in range(SOME):
                tasks.start_soon(hand_in, vault, number)
            await anyio.wait_all_tasks_blocked()
            await vault.aclose()
        assert len(done) == SOME
        async with unlocked(storage, directory) as vault:
            assert len(await vault.read(notes)) == SOME

    async def test_locking_happens_though_its_caller_is_cancelled(self, storage: Storage, directory: Path) -> None:
        vault = await storage.create(directory, {SlotKind.PASSPHRASE: PASSPHRASE}, make_notes)
        with CancelScope() as scope:
            scope.cancel()
            await vault.aclose()
        async with unlocked(storage, directory):
            pass

    async def test_locking_twice_is_harmless(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory) as vault:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(vault.aclose)
                await anyio.wait_all_tasks_blocked()
                await vault.aclose()
                async with unlocked(storage, directory):
                    pass
            await vault.aclose()
            async with unlocked(storage, directory):
                await vault.aclose()
                with pytest.raises(VaultInUse):
                    await storage.unlock(directory, SlotKind.PASSPHRASE, PASSPHRASE)

    async def test_a_locked_vault_refuses_everything(self, storage: Storage, directory: Path, tmp_path: Path) -> None:
        async with new_vault(storage, directory) as vault:
            await vault.aclose()
            for call in (
                partial(vault.transact, add_note("late")),
                partial(vault.read, notes),
                vault.slots,
                partial(vault.set_slot, SlotKind.PASSPHRASE, OTHER_PASSPHRASE),
                partial(vault.verify_slot, SlotKind.PASSPHRASE, PASSPHRASE),
                partial(vault.backup, tmp_path / "backup", as_it_is),
            ):
                with pytest.raises(ClosedResourceError):
                    await call()
        assert not await exists(storage, tmp_path / "backup")
        async with unlocked(storage, directory) as vault:
            assert await vault.read(notes) == []

    async def test_nothing_shows_a_secret_in_its_repr(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory) as vault:
            for secret in (PASSPHRASE, OTHER_PASSPHRASE):
                await vault.set_slot(SlotKind.PASSPHRASE, secret)
                for thing in (storage, vault, new_code(storage)):
                    assert not shows(secret, repr(thing)), f"the repr of a {type(thing).__name__} shows a passphrase"
            assert repr(new_code(storage)) == "Secret(…)"
