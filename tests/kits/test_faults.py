"""Each planted fault is caught by the test of the kit that is named for it."""

from __future__ import annotations

import asyncio
import inspect
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from blockbuster import BlockingError
from trio.testing import MockClock

from balchat_host.testing.audit import Leak, audited
from balchat_host.testing.transport_kit import TransportKit
from tests.kits.faults import FAULTS, Faulty
from tests.kits.line_bench import LineBench

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILURES = (AssertionError, BlockingError, TimeoutError, pytest.fail.Exception)
"""How a test of a kit fails. Anything else is a mistake in the planted fault."""


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Go through all errors in a group."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from leaves(each)
    else:
        yield error


async def run_test(fault: type[Faulty], parameters: dict[str, object]) -> None:
    """Run the test of the kit that should catch a fault, as pytest does."""
    async with audited():
        await getattr(TransportKit(), fault.caught_by)(LineBench(fault), **parameters)


def parametrized(name: str) -> list[dict[str, object]]:
    """Return the parameters that a test of the kit is run with."""
    marks = [mark for mark in getattr(getattr(TransportKit, name), "pytestmark", []) if mark.name == "parametrize"]
    return [{mark.args[0]: value} for mark in marks for value in mark.args[1]] or [{}]


def caught(fault: type[Faulty]) -> BaseException | None:
    """Run the test with each of its parameters; return what the first failure was."""
    for parameters in parametrized(fault.caught_by):
        backend, options = ("asyncio", {}) if fault.audited else ("trio", {"clock": MockClock(autojump_threshold=0)})
        try:
            anyio.run(run_test, fault, parameters, backend=backend, backend_options=options)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is looked at
            return error
    return None


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    for left in Faulty.ended:
        match left:
            case threading.Event():
                left.set()
            case socket.socket():
                left.close()
            case Path():
                left.unlink(missing_ok=True)
            case _:
                assert isinstance(left, asyncio.Task)
    Faulty.ended.clear()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(fault: type[Faulty]) -> None:
    error = caught(fault)
    assert error is not None, f"{fault.caught_by} passes although it {fault.__doc__}"
    found = list(leaves(error))
    assert any(isinstance(each, FAILURES) for each in found), found
    if fault.audited:
        told = [str(each) for each in found if isinstance(each, Leak)]
        # A blocking call that nobody swallows fails the test where it stands.
        assert any("tests/kits/faults.py:" in each for each in told) or isinstance(found[0], BlockingError)


def test_without_a_fault_nothing_is_caught() -> None:
    for name in {fault.caught_by for fault in FAULTS}:
        for audited_ in (False, True):
            sound = type("Sound", (Faulty,), {"caught_by": name, "audited": audited_})
            assert caught(sound) is None


def test_every_fault_says_what_it_does() -> None:
    assert all(inspect.getdoc(fault) != inspect.getdoc(Faulty) for fault in FAULTS)
