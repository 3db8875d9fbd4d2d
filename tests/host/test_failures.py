"""An exception that nobody expected ends its job and is named in the log by its type; what must go on goes on."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import pytest
from trio.testing import MockClock

from balchat_host.api.failures import TRACEBACK, contain, kind_of, leaves, must_pass

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "trio", {"clock": MockClock(autojump_threshold=0)}


class Odd(BaseException):
    """Not even an Exception, as a panic of a library in Rust is."""


DEEP = BaseExceptionGroup(
    "outer", [ValueError("a person's words"), ExceptionGroup("inner", [KeyError(), ValueError()])]
)


def test_a_group_is_named_by_the_types_in_it() -> None:
    assert kind_of(DEEP) == "KeyError and ValueError"
    assert [type(error) for error in leaves(DEEP)] == [ValueError, KeyError, ValueError]


@pytest.mark.parametrize("error", [ValueError("a person's words"), Odd("a person's words"), SystemExit(3), DEEP])
def test_only_the_type_is_logged(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    contain("a job", error)
    assert caplog.messages == [f"a job failed ({kind_of(error)})"]
    assert "words" not in caplog.text


def test_the_traceback_is_logged_for_who_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(TRACEBACK, "1")
    contain("a job", ValueError("a person's words"))
    assert "a person's words" in logging.Formatter().format(caplog.records[0])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit()])
def test_ctrl_c_and_the_end_of_a_coroutine_go_on(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    assert must_pass(error)
    with pytest.raises(type(error)):
        contain("a job", error)
    assert caplog.messages == []


def test_what_must_go_on_is_taken_out_of_a_group(caplog: pytest.LogCaptureFixture) -> None:
    both = BaseExceptionGroup("both", [KeyboardInterrupt(), ValueError()])
    assert not must_pass(both)
    with pytest.raises(BaseExceptionGroup) as raised:
        contain("a job", both)
    assert [type(error) for error in leaves(raised.value)] == [KeyboardInterrupt]
    assert caplog.messages == ["a job failed (ValueError)"]


async def test_a_cancellation_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await anyio.sleep(1)
        except BaseException as error:  # noqa: BLE001  # it is looked at
            contain("a job", error)
            pytest.fail("it went no further")
    assert scope.cancelled_caught
    assert caplog.messages == []


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancellation_that_nobody_asked_for_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    contain("a job", anyio.get_cancelled_exc_class()())
    assert caplog.messages == ["a job failed (CancelledError)"]
