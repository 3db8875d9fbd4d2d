"""Areas of keys and values."""

from contextlib import suppress
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from balchat_host.api.storage import (
    ReadTransaction,
    Storage,
    Transaction,
    Vault,
)
from balchat_host.testing.storage_kit.vaults import (
    SOME,
    Model,
    Operation,
    StorageKitBase,
    Undo,
    apply_operation,
    new_vault,
    unlocked,
)

LONG_KEY: Final = bytes(range(256)) * 8
LONG_VALUE: Final = bytes(range(256)) * 4096
"""A mebibyte."""


@pytest.mark.anyio
class AreaTests(StorageKitBase):
    """Areas of keys and values."""

    async def test_two_areas_never_see_each_others_keys(self, storage: Storage, directory: Path) -> None:
        def unit(tx: Transaction) -> None:
            tx.area("a").put(b"key", b"of a")
            tx.area("ab").put(b"key", b"of ab")
            tx.area("a").delete(b"absent")
            assert tx.area("a").get(b"key") == b"of a"
            assert list(tx.area("ab").scan()) == [(b"key", b"of ab")]
            assert list(tx.area("b").scan()) == []

        def view(tx: ReadTransaction) -> list[bytes | None]:
            return [
                tx.area(name).get(key) for name, key in (("a", b"key"), ("b", b"key"), ("", b"abkey"), ("a", b"bkey"))
            ]

        async with new_vault(storage, directory) as vault:
            await vault.transact(unit)
            assert await vault.read(view) == [b"of a", None, None, None]

    async def test_each_name_is_an_area_of_its_own(self, storage: Storage, directory: Path) -> None:
        long = "a" * 300
        names = ("", "a", "A", "a ", "a%", "a_", "a.b", "a_b", "\xe9", "e\u0301", "a\0", f"{long}1", f"{long}2")

        def unit(tx: Transaction) -> None:
            for name in names:
                tx.area(name).put(b"key", name.encode())
            assert [tx.area(name).get(b"key") for name in names] == [name.encode() for name in names]

        async with new_vault(storage, directory) as vault:
            await vault.transact(unit)

    async def test_each_key_is_deleted_by_itself(self, storage: Storage, directory: Path) -> None:
        def unit(tx: Transaction) -> None:
            area = tx.area("a")
            for key in (b"k", b"ke", b"key", b"l"):
                area.put(key, b"")
            area.delete(b"ke")
            assert [key for key, _ in area.scan()] == [b"k", b"key", b"l"]

        async with new_vault(storage, directory) as vault:
            await vault.transact(unit)

    async def test_a_scan_gives_what_was_there_when_it_began(self, storage: Storage, directory: Path) -> None:
        def unit(tx: Transaction) -> list[bytes]:
            area = tx.area("a")
            for key in (b"1", b"2", b"3"):
                area.put(key, b"")
            seen: list[bytes] = []
            for key, value in islice(area.scan(), 10):
                area.delete(b"2")
                area.put(key + b"0", b"")
                area.put(b"3", b"later")
                seen.append(key + value)
            scan = area.scan()
            area.put(b"0", b"")
            return seen + [key for key, _ in scan if key == b"0"]

        async with new_vault(storage, directory) as vault:
            found = await vault.transact(unit)
            assert found == [b"1", b"2", b"3"], "a scan gives what was there when it began, whatever is done meanwhile"

    async def test_keys_sort_as_their_octets_do(self, storage: Storage, directory: Path) -> None:
        keys = sorted(
            [
                b"",
                b"\0",
                b"%",
                b"A",
                b"B",
                b"Z",
                b"_",
                b"a",
                b"a\0",
                b"a\xff",
                b"aa",
                b"b",
                b"\x7f",
                b"\x80",
                b"\xff",
                b"\xff\0",
                b"\xff\xff",
            ]
        )

        def unit(tx: Transaction) -> None:
            area = tx.area("a")
            for key in reversed(keys):
                area.put(key, b"of " + key)
            for prefix in (b"", b"%", b"_", b"a", b"\xff"):
                expected = [(key, b"of " + key) for key in keys if key.startswith(prefix)]
                assert list(area.scan(prefix)) == expected, f"the keys that begin with {prefix!r}"
            for bound in keys:
                found = [key for key, _ in area.scan(before=bound)]
                assert found == [key for key in keys if key < bound], f"the keys before {bound!r}"

        async with new_vault(storage, directory) as vault:
            await vault.transact(unit)

    async def test_what_is_empty_is_told_from_what_is_absent(self, storage: Storage, directory: Path) -> None:
        def unit(tx: Transaction) -> None:
            area = tx.area("a")
            for key in (b"", b"key"):
                area.put(key, b"")
                assert area.get(key) == b"", "an empty value is there"
            area.delete(b"absent")
            assert area.get(b"absent") is None
            assert list(area.scan()) == [(b"", b""), (b"key", b"")]

        def view(tx: ReadTransaction) -> list[bytes | None]:
            return [tx.area("a").get(key) for key in (b"", b"key", b"absent")]

        async with new_vault(storage, directory) as vault:
            await vault.transact(unit)
            assert await vault.read(view) == [b"", b"", None]

    async def test_keys_and_values_may_be_long(self, storage: Storage, directory: Path) -> None:
        one, other = LONG_KEY + b"1", LONG_KEY + b"2"

        def unit(tx: Transaction) -> None:
            tx.area("a").put(one, LONG_VALUE)
            tx.area("a").put(other, b"other")

        async with new_vault(storage, directory) as vault:
            await vault.transact(unit)
        async with unlocked(storage, directory) as vault:
            assert await vault.read(lambda tx: list(tx.area("a").scan())) == [(one, LONG_VALUE), (other, b"other")]

    async def test_a_unit_that_raises_harms_no_other_units_area(self, storage: Storage, directory: Path) -> None:
        """Also where they share a commit, and have the same rows in hand."""

        def unit(tx: Transaction, number: int) -> None:
            area = tx.area("a")
            before = int.from_bytes(area.get(b"counter") or b"")
            area.put(b"counter", (before + 1).to_bytes(2))
            if number % 3 == 1:
                area.delete(b"kept")
                raise ArithmeticError
            if number % 3 == 2:  # noqa: PLR2004  # one in three scans, which needs the rows in their order
                assert list(area.scan(b"c")) == [(b"counter", (before + 1).to_bytes(2))]

        async def hand_in(vault: Vault, number: int) -> None:
            with suppress(ArithmeticError):
                await vault.transact(lambda tx: unit(tx, number))

        async with new_vault(storage, directory) as vault:
            await vault.transact(lambda tx: tx.area("a").put(b"kept", b""))
            async with anyio.create_task_group() as tasks:
                for number in range(SOME):
                    tasks.start_soon(hand_in, vault, number)
            kept = sum(number % 3 != 1 for number in range(SOME))
            found = await vault.read(lambda tx: list(tx.area("a").scan()))
            assert found == [(b"counter", kept.to_bytes(2)), (b"kept", b"")]

    @pytest.mark.parametrize(
        ("key", "value"), [("text", b""), (b"key", "text"), (b"key", bytearray(1)), (b"key", memoryview(b""))]
    )
    async def test_what_is_no_bytes_is_refused_where_it_is_given(
        self, storage: Storage, directory: Path, key: Any, value: Any
    ) -> None:
        async with new_vault(storage, directory) as vault:
            with pytest.raises(TypeError, match="bytes"):
                await vault.transact(lambda tx: tx.area("a").put(key, value))
            assert await vault.read(lambda tx: list(tx.area("a").scan())) == []

    def test_an_area_is_an_ordered_dict_that_can_be_undone(self, storage: Storage, directory: Path) -> None:
        octets = st.one_of(st.binary(max_size=3), st.sampled_from([b"", b"\xff", b"\xff\xff", b"a\xff", b"b"]))
        operations = st.lists(st.tuples(st.sampled_from(["put", "delete", "look"]), octets, octets), max_size=12)

        fresh = count()

        def everything(name: str, tx: ReadTransaction) -> list[tuple[bytes, bytes]]:
            return list(tx.area(name).scan())

        def unit(tx: Transaction, name: str, operations: list[Operation], model: Model, *, keep: bool) -> Model:
            changed = dict(model)
            with suppress(Undo), tx.savepoint():
                for operation in operations:
                    apply_operation(tx.area(name), changed, operation)
                if keep:
                    return changed
                raise Undo
            return model

        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(new_vault(storage, directory)) as vault,
        ):
            # Each example is a unit on a disk, which may be slow; shorter ones than are found take minutes to find.
            @settings(deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
            @given(st.lists(st.tuples(operations, st.booleans()), max_size=5))
            def compare(units: list[tuple[list[Operation], bool]]) -> None:
                name, model = f"area {next(fresh)}", Model()
                for operations, keep in units:
                    model = portal.call(
                        vault.transact, partial(unit, name=name, operations=operations, model=model, keep=keep)
                    )
                assert portal.call(vault.read, partial(everything, name)) == sorted(model.items())

            compare()
