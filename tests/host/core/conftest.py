"""A vault in memory with the tables in it, and a clock that a test moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import pytest

from balchat_host.core import schema
from balchat_host.core.unit_of_work import Policy, UnitOfWork
from balchat_host.testing.sqlite_transaction import SqliteUnits

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.api.crypto import CryptoEngine

T = TypeVar("T")

START = 1_800_000_000_000


class Bench:
    """Runs functions of the core that need no crypto engine. `now` is Unix milliseconds."""

    def __init__(self) -> None:
        self.now = START
        self.units = SqliteUnits()
        self.effects: list[object] = []
        self.run(lambda unit: schema.migrate(unit.tx))

    def run(self, fn: Callable[[UnitOfWork], T]) -> T:
        """Run one unit; `effects` then has what it asked for."""

        def fill(tx) -> T:
            unit = UnitOfWork(tx=tx, engine=cast("CryptoEngine", None), now=self.now, entropy=bytes, policy=Policy())
            result = fn(unit)
            self.effects = list(unit.effects)
            return result

        return self.units.run(fill)

    def pass_time(self, *, seconds: float) -> None:
        self.now += int(seconds * 1000)


@pytest.fixture
def bench() -> Bench:
    return Bench()
