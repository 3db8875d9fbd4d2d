"""Which part of a file is asked for next, among any that are missing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.types import PeerId
from balchat_host.core.files.shape import MAX_SIZE, Shape, bits_of, indexes
from balchat_host.runtime.files.part_store import WantedFile
from balchat_host.runtime.files.pull_plan import PlannedFile, PullPlan


def plan_of(size: int, missing: list[range]) -> PullPlan:
    plan = PullPlan()
    wanted = WantedFile(number=1, peer=PeerId(bytes(32)), root=bytes(32), size=size, has_manifest=True)
    plan.add(wanted, missing)
    return plan


@given(st.sets(st.integers(0, 15), min_size=1), st.lists(st.sets(st.integers(0, 15)), max_size=20))
def test_what_is_chosen_among_the_missing_is_missing_no_more(missing: set[int], had: list[set[int]]) -> None:
    plan = plan_of(16 * 60_000, [range(index, index + 1) for index in sorted(missing)])
    left = set(missing)
    for places in had:

        def choose(file: PlannedFile, bits: int, places: set[int] = places) -> int | None:
            assert set(indexes(bits)) == left
            return min(places & left, default=None)

        planned = plan.next_part("relay", choose)
        expected = min(places & left, default=None)
        if expected is None:
            assert planned is None
        else:
            assert planned is not None
            assert planned.parts == range(expected, expected + 1)
            left.discard(expected)


def test_the_last_part_of_the_largest_file_is_found_without_a_look_at_each() -> None:
    """It is looked for whenever anything is new, in the loop that everything else runs in."""
    parts = Shape(MAX_SIZE).parts
    plan = plan_of(MAX_SIZE, [range(parts)])
    asked = list[int]()

    def choose(file: PlannedFile, bits: int) -> int | None:
        asked.append(bits)
        return parts - 1

    planned = plan.next_part("relay", choose)
    assert planned is not None
    assert planned.parts == range(parts - 1, parts)
    assert asked == [bits_of(range(parts))]
    planned = plan.next_part("relay", lambda _, bits: max(indexes(bits)))
    assert planned is not None
    assert planned.parts == range(parts - 2, parts - 1)
