"""Each fault that is planted in parts of files is caught by the test of the kit that is named for it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from balchat_host.testing.transport_kit import TransportKit
from tests.kits.blob_faults import FAULTS, FaultyBlobs
from tests.kits.catching import assert_caught, caught
from tests.kits.drop_blobs import BlobDropBench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    for left in FaultyBlobs.ended:
        match left:
            case Path():
                left.unlink(missing_ok=True)
            case int():
                os.close(left)
            case _:
                assert isinstance(left, asyncio.Task)  # it ended with its loop
    FaultyBlobs.ended.clear()


@pytest.fixture
def make(tmp_path: Path) -> Callable[[type[FaultyBlobs]], BlobDropBench]:
    """Make a bench in an empty folder."""

    def bench(fault: type[FaultyBlobs]) -> BlobDropBench:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return BlobDropBench(folder, fault, threads=fault.audited)

    return bench


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(fault: type[FaultyBlobs], make) -> None:
    assert_caught(TransportKit, fault, lambda: make(fault))


@pytest.mark.parametrize(("name", "audited"), sorted({(fault.caught_by, fault.audited) for fault in FAULTS}))
def test_without_a_fault_nothing_is_caught(name: str, audited: bool, make) -> None:
    sound = type("Sound", (FaultyBlobs,), {"caught_by": name, "audited": audited})
    assert caught(TransportKit, sound, lambda: make(sound)) == []
