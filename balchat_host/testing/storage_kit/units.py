"""Units of change, and views."""

from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from anyio import CancelScope

from balchat_host.api.storage import (
    ReadTransaction,
    SqlError,
    Storage,
    Transaction,
    Vault,
)
from balchat_host.testing.storage_kit.vaults import MANY, StorageKitBase, add_note, new_vault, notes


class Ended(BaseException):
    """As when a program is interrupted."""


@pytest.mark.anyio
class UnitTests(StorageKitBase):
    """Units of change, and views."""

    # -- units

    async def test_a_unit_gives_its_result(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory) as vault:
            result, calls = object(), list[object]()

            def unit(_: object) -> object:
                calls.append(result)
                return result

            assert await vault.transact(unit) is await vault.read(unit) is result
            assert len(calls) == 2, "it runs a function more than once"  # noqa: PLR2004  # a unit and a view

    @pytest.mark.parametrize("error", [LookupError("mine"), Ended()], ids=["error", "no Exception"])
    async def test_a_unit_that_raises_is_undone_and_raises_that(
        self, storage: Storage, directory: Path, error: BaseException
    ) -> None:
        def unit(tx: Transaction) -> None:
            add_note("undone")(tx)
            tx.area("a").put(b"key", b"undone")
            raise error

        async with new_vault(storage, directory) as vault:
            with pytest.raises(type(error)) as raised:
                await vault.transact(unit)
            assert raised.value is error
            assert await vault.read(notes) == []
            assert await vault.read(lambda tx: tx.area("a").get(b"key")) is None

    async def test_units_happen_in_order_and_a_failing_one_harms_no_other(
        self, storage: Storage, directory: Path
    ) -> None:
        handed_in: list[int] = []
        results: set[int] = set()

        def unit(tx: Transaction, number: int) -> int:
            add_note(str(number))(tx)
            if number % 3 == 0:
                raise ArithmeticError
            return number

        async def hand_in(vault: Vault, number: int) -> None:
            handed_in.append(number)
            with suppress(ArithmeticError):
                results.add(await vault.transact(lambda tx: unit(tx, number)))

        async with new_vault(storage, directory) as vault:
            async with anyio.create_task_group() as tasks:
                for number in range(MANY):
                    tasks.start_soon(hand_in, vault, number)
            kept = [number for number in handed_in if number % 3]
            assert await vault.read(notes) == [str(number) for number in kept]
        assert results == set(kept)

    async def test_a_unit_happens_though_its_caller_is_cancelled(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory) as vault:
            with CancelScope() as scope:
                scope.cancel()
                await vault.transact(add_note("nevertheless"))
            assert scope.cancelled_caught
            with CancelScope() as scope:
                scope.cancel()
                await vault.read(notes)
            assert scope.cancelled_caught
            await vault.transact(add_note("after"))
            assert await vault.read(notes) == ["nevertheless", "after"]

    async def test_a_transaction_ends_with_its_function(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory) as vault:
            unit = await vault.transact(lambda tx: tx)
            with pytest.raises(RuntimeError):
                unit.execute("INSERT INTO note (text) VALUES ('late')")
            area = await vault.transact(lambda tx: tx.area("a"))
            with pytest.raises(RuntimeError):
                area.put(b"late", b"")
            view = await vault.read(lambda tx: tx)
            with pytest.raises(RuntimeError):
                view.query("SELECT 1")
            seen = await vault.read(lambda tx: tx.area("a"))
            with pytest.raises(RuntimeError):
                seen.get(b"key")
            assert await vault.read(notes) == []

    async def test_a_savepoint_undoes_only_its_block(self, storage: Storage, directory: Path) -> None:
        def undone(tx: Transaction) -> None:
            with tx.savepoint():
                add_note("undone again")(tx)
                raise LookupError

        def unit(tx: Transaction) -> None:
            add_note("before")(tx)
            with suppress(KeyError), tx.savepoint():
                add_note("undone")(tx)
                with tx.savepoint():
                    add_note("undone too")(tx)
                raise KeyError
            with suppress(Ended), tx.savepoint():
                add_note("undone by what is no Exception")(tx)
                raise Ended
            with tx.savepoint():
                add_note("inside")(tx)
            with tx.savepoint():
                add_note("outside")(tx)
                with pytest.raises(LookupError):
                    undone(tx)
            add_note("after")(tx)

        async with new_vault(storage, directory) as vault:
            await vault.transact(unit)
            assert await vault.read(notes) == ["before", "inside", "outside", "after"]

    async def test_a_savepoint_undoes_areas_too(self, storage: Storage, directory: Path) -> None:
        def undone(tx: Transaction) -> None:
            area = tx.area("a")
            with tx.savepoint():
                area.put(b"changed", b"undone")
                area.put(b"undone", b"")
                area.delete(b"deleted")
                raise LookupError

        def unit(tx: Transaction) -> None:
            area = tx.area("a")
            area.put(b"changed", b"before")
            area.put(b"deleted", b"")
            with pytest.raises(LookupError):
                undone(tx)
            assert area.get(b"changed") == b"before"
            assert list(area.scan()) == [(b"changed", b"before"), (b"deleted", b"")]

        async with new_vault(storage, directory) as vault:
            await vault.transact(unit)
            found = await vault.read(lambda tx: list(tx.area("a").scan()))
            assert found == [(b"changed", b"before"), (b"deleted", b"")]

    # -- views

    async def test_a_view_holds_everything_committed_before(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory) as vault:
            for number in range(30):
                await vault.transact(add_note(str(number)))
                await vault.transact(lambda tx, number=number: tx.area("a").put(b"number", b"%d" % number))
                assert len(await vault.read(notes)) == number + 1
                assert await vault.read(lambda tx: tx.area("a").get(b"number")) == b"%d" % number

    async def test_a_view_changes_nothing(self, storage: Storage, directory: Path) -> None:
        async with new_vault(storage, directory) as vault:
            with pytest.raises(SqlError):
                await vault.read(lambda tx: tx.area("a").put(b"key", b"value"))
            with pytest.raises(SqlError):
                await vault.read(lambda tx: tx.query("INSERT INTO note (text) VALUES ('no') RETURNING id"))
            await vault.transact(add_note("yes"))
            assert await vault.read(notes) == ["yes"]

    async def test_a_view_raises_what_its_function_raises(self, storage: Storage, directory: Path) -> None:
        error = LookupError("mine")

        def view(_: ReadTransaction) -> None:
            raise error

        async with new_vault(storage, directory) as vault:
            with pytest.raises(LookupError) as raised:
                await vault.read(view)
            assert raised.value is error
            await vault.transact(add_note("it goes on"))
            assert await vault.read(notes) == ["it goes on"]
