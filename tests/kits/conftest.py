"""Has every planted fault be caught several times, where asked: a kit that catches one by luck is noticed so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

RUNS: Final = int(os.environ.get("BALCHAT_FAULT_RUNS", "1"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if RUNS > 1 and "fault" in metafunc.fixturenames:
        metafunc.fixturenames.append("run")
        metafunc.parametrize("run", range(1, RUNS + 1))
