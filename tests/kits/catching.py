"""Runs one test of a kit against a planted fault, as pytest does, and returns how it failed."""

from __future__ import annotations

import inspect
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio import BrokenResourceError, BusyResourceError, ClosedResourceError, EndOfStream
from blockbuster import BlockingError
from trio.testing import MockClock

from balchat_host.api.errors import BalchatError
from balchat_host.testing.audit import Leak, audited, audited_without_loop, leftovers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FAILURES = (
    AssertionError,
    BalchatError,
    BlockingError,
    BrokenResourceError,
    BusyResourceError,
    ClosedResourceError,
    EndOfStream,
    OSError,
    TimeoutError,
    pytest.fail.Exception,
)
"""How a test of a kit fails. Anything else, an AttributeError for example, is a mistake in the planted fault."""


BACKEND = "anyio_backend"


def in_virtual_time(kit: type, name: str) -> bool:
    """Return whether a test never runs in real time."""
    marks = getattr(getattr(kit, name), "pytestmark", [])
    return any(mark.name == "parametrize" and mark.args[0] == BACKEND for mark in marks)


def caught(kit: type, fault: Any, bench: Callable[[], Any]) -> list[BaseException]:
    """Run the test of the kit that should catch a fault, with each of its parameters; return how the first one failed.

    `bench` gives the fixtures by name, or the one that is called so. A test runs in virtual time, or where the audit
    should find the fault or the plugin `needs_asyncio`, in real time.
    """
    for parameters in _parametrized(kit, fault.caught_by):
        try:
            _run(kit, fault, bench(), parameters)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is looked at
            return list(_leaves(error))
    return []


def assert_caught(kit: type, fault: Any, bench: Callable[[], Any]) -> None:
    """Check that the test that is named for a fault catches it, by the audit where that should."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(leftovers, "GRACE", 0.1)  # what a fault leaves behind never ends by itself
        found = caught(kit, fault, bench)
    assert found, f"{fault.caught_by} passes. The fault: {fault.__doc__}"
    failures = (*FAILURES, *getattr(fault, "failures", ()))
    assert any(isinstance(each, failures) for each in found), found
    if fault.audited:
        told = [str(each) for each in found if isinstance(each, Leak)]
        # A blocking call that nobody swallows fails the test where it stands.
        tells = getattr(fault, "tells", "faults.py:")
        assert any(tells in each for each in told) or isinstance(found[0], BlockingError), found
    else:
        assert not all(isinstance(each, Leak) for each in found), found


def _run(kit: type, fault: Any, given: Any, parameters: Mapping[str, object]) -> None:
    fixtures: Mapping[str, Any] = given if isinstance(given, dict) else {"bench": given}
    test = getattr(kit(), fault.caught_by)
    asked: dict[str, Any] = {name: fixtures[name] for name in inspect.signature(test).parameters if name in fixtures}
    own = [fixtures[name] for name in ("tmp_path",) if name in fixtures]
    folders = getattr(fixtures.get("bench"), "folders", lambda: own)

    async def in_loop() -> None:
        async with audited(folders=folders), AsyncExitStack() as stack:
            for name, fixture in asked.items():
                if isinstance(fixture, AbstractAsyncContextManager):
                    asked[name] = await stack.enter_async_context(fixture)
            await test(**asked, **parameters)

    if inspect.iscoroutinefunction(test):
        real = fault.audited or getattr(fault, "needs_asyncio", False)
        if real and not in_virtual_time(kit, fault.caught_by):
            anyio.run(in_loop, backend="asyncio")
        else:
            anyio.run(in_loop, backend="trio", backend_options={"clock": MockClock(autojump_threshold=0)})
    else:
        with audited_without_loop(folders=folders):
            test(**asked, **parameters)


def _parametrized(kit: type, name: str) -> list[dict[str, object]]:
    marks = [mark for mark in getattr(getattr(kit, name), "pytestmark", []) if mark.name == "parametrize"]
    marks = [mark for mark in marks if mark.args[0] != BACKEND]
    found: list[dict[str, object]] = [{}]
    for mark in marks:
        names = mark.args[0].split(",") if isinstance(mark.args[0], str) else mark.args[0]
        values = [dict(zip(names, each if len(names) > 1 else [each], strict=True)) for each in mark.args[1]]
        found = [before | value for before in found for value in values]
    return found


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
