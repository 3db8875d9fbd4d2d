"""Each fault that is planted in a transport that stores is caught by the test of the kit that is named for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from balchat_host.testing.transport_kit import TransportKit
from tests.kits.catching import assert_caught, caught
from tests.kits.drop_bench import DropBench
from tests.kits.drop_faults import FAULTS, FaultyDrop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    for path in FaultyDrop.ended:
        assert isinstance(path, Path)
        path.unlink(missing_ok=True)
    FaultyDrop.ended.clear()


@pytest.fixture
def make(tmp_path: Path) -> Callable[[type[FaultyDrop]], DropBench]:
    """Make a bench in an empty folder."""

    def bench(fault: type[FaultyDrop]) -> DropBench:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return DropBench(folder, fault, threads=fault.audited)

    return bench


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(fault: type[FaultyDrop], make) -> None:
    assert_caught(TransportKit, fault, lambda: make(fault))


@pytest.mark.parametrize(("name", "audited"), sorted({(fault.caught_by, fault.audited) for fault in FAULTS}))
def test_without_a_fault_nothing_is_caught(name: str, audited: bool, make) -> None:
    sound = type("Sound", (FaultyDrop,), {"caught_by": name, "audited": audited})
    assert caught(TransportKit, sound, lambda: make(sound)) == []
