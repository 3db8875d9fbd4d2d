"""A last limit for tests of kits: what ignores being cancelled would hang the run, and nobody would know which test.

An event loop cannot end a task behind a shield, so the process ends, with the test's name and what every thread does.
"""

import faulthandler
import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from balchat_host.testing.waiting import PATIENCE

TEST_LIMIT: Final = 5 * PATIENCE
"""Seconds that one test may take: longer than all that it may wait for."""


@contextmanager
def limited(request: pytest.FixtureRequest) -> Generator[None]:
    """End the process if the test that asks has not ended within TEST_LIMIT."""
    timer = start_limit(request)
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def start_limit(request: pytest.FixtureRequest) -> threading.Timer:
    """Start the clock of `limited` alone, for who cannot wait in a `with` block: cancel what is returned. It blocks."""
    timer = threading.Timer(TEST_LIMIT, _give_up, [request])
    timer.daemon = True
    timer.start()
    return timer


def _give_up(request: pytest.FixtureRequest) -> None:
    capture: Any = request.config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend_global_capture(in_=True)
    nodeid: str = request.node.nodeid  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # pytest's
    message = f"{nodeid} did not end within {TEST_LIMIT:g} s: something in it ignores being cancelled. The run ends."
    print(f"\n{message}", file=sys.stderr, flush=True)  # noqa: T201  # nothing else is left to say it
    faulthandler.dump_traceback(sys.stderr)
    os._exit(1)
