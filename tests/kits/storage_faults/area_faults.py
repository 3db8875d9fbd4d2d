"""Faults of areas of keys and values."""

from __future__ import annotations

import unicodedata

from balchat_host.testing.memory_storage import MemoryVault
from tests.kits.storage_faults.faulty_storage import FaultyStorage, InEveryUnit, area_of, vault_of


class MixesAreas(FaultyStorage):
    """Keeps all areas as one."""

    caught_by = "test_two_areas_never_see_each_others_keys"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        def run(self, fn, *, then_crash=False):
            def unit(tx):
                area = tx.area
                tx.area = lambda name: area("all")
                return fn(tx)

            return super().run(unit, then_crash=then_crash)


class KnowsNoCase(FaultyStorage):
    """Takes areas whose names differ in case for one."""

    caught_by = "test_each_name_is_an_area_of_its_own"

    class Unit(InEveryUnit):
        def area(self, name):
            return self._inner.area(name.lower())

    vault = vault_of(Unit)


class DeletesMore(FaultyStorage):
    """Deletes every key that begins with the one that is to be deleted."""

    caught_by = "test_each_key_is_deleted_by_itself"

    class Unit(InEveryUnit):
        class Area(InEveryUnit):
            def delete(self, key):
                for each, _ in self._inner.scan(key):
                    self._inner.delete(each)

        def area(self, name):
            return self.Area(self._inner.area(name))

    vault = vault_of(Unit)


class ScansBackwards(FaultyStorage):
    """Scans an area from its end."""

    caught_by = "test_a_scan_gives_what_was_there_when_it_began"

    class Unit(InEveryUnit):
        class Area(InEveryUnit):
            def scan(self, prefix=b"", *, before=None):
                return reversed(list(self._inner.scan(prefix, before=before)))

        def area(self, name):
            return self.Area(self._inner.area(name))

    vault = vault_of(Unit)


class SortsByLength(FaultyStorage):
    """Sorts short keys before long ones."""

    caught_by = "test_keys_sort_as_their_octets_do"

    class Area(InEveryUnit):
        def scan(self, prefix=b"", *, before=None):
            return iter(sorted(self._inner.scan(prefix, before=before), key=lambda row: (len(row[0]), row)))

    vault = area_of(Area)


class SortsAsSigned(FaultyStorage):
    """Sorts octets above 127 before all others."""

    caught_by = "test_keys_sort_as_their_octets_do"

    class Area(InEveryUnit):
        def scan(self, prefix=b"", *, before=None):
            rows = self._inner.scan(prefix, before=before)
            return iter(sorted(rows, key=lambda row: [octet ^ 128 for octet in row[0]]))

    vault = area_of(Area)


class IncludesTheBound(FaultyStorage):
    """Takes `before` for the last key that is wanted."""

    caught_by = "test_keys_sort_as_their_octets_do"

    class Area(InEveryUnit):
        def scan(self, prefix=b"", *, before=None):
            return self._inner.scan(prefix, before=None if before is None else before + b"\0")

    vault = area_of(Area)


class TakesEmptyForAbsent(FaultyStorage):
    """Says of a key whose value is empty that it is not there."""

    caught_by = "test_what_is_empty_is_told_from_what_is_absent"

    class Area(InEveryUnit):
        def get(self, key):
            return self._inner.get(key) or None

    vault = area_of(Area)


class CutsLongKeys(FaultyStorage):
    """Knows a key by its first 255 octets."""

    caught_by = "test_keys_and_values_may_be_long"

    class Area(InEveryUnit):
        def put(self, key, value):
            self._inner.put(key[:255], value)

    vault = area_of(Area)


class ShowsAllAreasInViews(FaultyStorage):
    """Shows views a key of whichever area has it."""

    caught_by = "test_two_areas_never_see_each_others_keys"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        async def read(self, fn):
            def view(tx):
                class Area:
                    def get(self, key):
                        rows = tx.query("SELECT value FROM vault_area WHERE key = ?", (key,))
                        return rows[0][0] if rows else None

                tx.area = lambda _: Area()
                return fn(tx)

            return await super().read(view)


class ComposesNames(FaultyStorage):
    """Takes areas for one whose names look alike, and are of other characters."""

    caught_by = "test_each_name_is_an_area_of_its_own"

    class Unit(InEveryUnit):
        def area(self, name):
            return self._inner.area(unicodedata.normalize("NFC", name))

    vault = vault_of(Unit)


class CutsNames(FaultyStorage):
    """Knows an area by the first 255 characters of its name."""

    caught_by = "test_each_name_is_an_area_of_its_own"

    class Unit(InEveryUnit):
        def area(self, name):
            return self._inner.area(name[:255])

    vault = vault_of(Unit)


class StripsNames(FaultyStorage):
    """Leaves out the NULs of an area's name."""

    caught_by = "test_each_name_is_an_area_of_its_own"

    class Unit(InEveryUnit):
        def area(self, name):
            return self._inner.area(name.replace("\0", ""))

    vault = vault_of(Unit)


class StopsAtTheLastOctet(FaultyStorage):
    """Finds nothing that begins with the last octet there is."""

    caught_by = "test_keys_sort_as_their_octets_do"

    class Area(InEveryUnit):
        def scan(self, prefix=b"", *, before=None):
            return iter(()) if prefix == b"\xff" else self._inner.scan(prefix, before=before)

    vault = area_of(Area)


class ScansWhatIsThereNow(FaultyStorage):
    """Gives what is there when whoever scans comes to it."""

    caught_by = "test_a_scan_gives_what_was_there_when_it_began"

    class Area(InEveryUnit):
        def scan(self, prefix=b"", *, before=None):
            last = None
            while rows := [row for row in self._inner.scan(prefix, before=before) if last is None or row[0] > last]:
                last = rows[0][0]
                yield rows[0]

    vault = area_of(Area)


class TakesWhatIsLikeBytes(FaultyStorage):
    """Takes what can be made octets of."""

    caught_by = "test_what_is_no_bytes_is_refused_where_it_is_given"

    class Area(InEveryUnit):
        def put(self, key, value):
            self._inner.put(key, bytes(value) if isinstance(value, bytearray) else value)

    vault = area_of(Area)


class CutsLongValues(FaultyStorage):
    """Keeps the first 64 KiB of a value."""

    caught_by = "test_keys_and_values_may_be_long"

    class Area(InEveryUnit):
        def put(self, key, value):
            self._inner.put(key, value[:65_536])

    vault = area_of(Area)


class IgnoresPrefixesWithABound(FaultyStorage):
    """Gives every key before a bound, whatever it is to begin with."""

    caught_by = "test_an_area_is_an_ordered_dict_that_can_be_undone"

    class Area(InEveryUnit):
        def scan(self, prefix=b"", *, before=None):
            return self._inner.scan(prefix if before is None else b"", before=before)

    vault = area_of(Area)


class UndoesTheUnitBefore(FaultyStorage):
    """Undoes what the unit before did to an area together with one that raises."""

    caught_by = "test_a_unit_that_raises_harms_no_other_units_area"

    class vault(MemoryVault):  # noqa: N801  # it stands for the attribute
        def run(self, fn, *, then_crash=False):
            try:
                found = super().run(fn, then_crash=then_crash)
            except ArithmeticError:
                super().run(lambda tx: tx.area("a").put(b"counter", b"\0\0"))
                raise
            return found
