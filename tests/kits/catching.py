"""Runs one test of a kit against a planted fault, as pytest does, and returns how it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio import BrokenResourceError, EndOfStream
from blockbuster import BlockingError
from trio.testing import MockClock

from balchat_host.api.errors import BalchatError
from balchat_host.testing.audit import Leak, audited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAILURES = (
    AssertionError,
    BalchatError,
    BlockingError,
    BrokenResourceError,
    EndOfStream,
    OSError,
    TimeoutError,
    pytest.fail.Exception,
)
"""How a test of a kit fails. Anything else, an AttributeError for example, is a mistake in the planted fault."""


def caught(kit: type, fault: Any, bench: Callable[[], Any]) -> list[BaseException]:
    """Run the test of the kit that should catch a fault, with each of its parameters; return how the first one failed.

    In virtual time, or where the audit should find it, in real time.
    """
    for parameters in _parametrized(kit, fault.caught_by):
        backend, options = ("asyncio", {}) if fault.audited else ("trio", {"clock": MockClock(autojump_threshold=0)})
        try:
            anyio.run(_run, kit, fault.caught_by, bench(), parameters, backend=backend, backend_options=options)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is looked at
            return list(_leaves(error))
    return []


def assert_caught(kit: type, fault: Any, bench: Callable[[], Any]) -> None:
    """Check that the test that is named for a fault catches it, by the audit where that should."""
    found = caught(kit, fault, bench)
    assert found, f"{fault.caught_by} passes. The fault: {fault.__doc__}"
    assert any(isinstance(each, FAILURES) for each in found), found
    if fault.audited:
        told = [str(each) for each in found if isinstance(each, Leak)]
        # A blocking call that nobody swallows fails the test where it stands.
        assert any("faults.py:" in each for each in told) or isinstance(found[0], BlockingError), found


async def _run(kit: type, name: str, bench: Any, parameters: dict[str, object]) -> None:
    async with audited(folders=bench.folders):
        await getattr(kit(), name)(bench, **parameters)


def _parametrized(kit: type, name: str) -> list[dict[str, object]]:
    marks = [mark for mark in getattr(getattr(kit, name), "pytestmark", []) if mark.name == "parametrize"]
    return [{mark.args[0]: value} for mark in marks for value in mark.args[1]] or [{}]


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
