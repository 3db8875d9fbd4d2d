from __future__ import annotations

from dataclasses import dataclass

import anyio
import pytest
from balchat_transport_tor_direct.limits import Allowance, HandshakeLimiter, MemoryBudget
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock


@given(
    uses=st.lists(st.tuples(st.floats(0, 5), st.integers(0, 500)), min_size=1),
    rate=st.integers(1, 1000),
    at_once=st.integers(1, 1000),
)
def test_an_allowance_lets_through_its_rate_and_so_much_at_once(
    uses: list[tuple[float, int]], rate: int, at_once: int
) -> None:
    allowance, now, spent = Allowance(rate, 0.0, at_once=at_once), 0.0, 0
    for wait, amount in uses:
        now += wait
        spent += amount
        now += allowance.spend(amount, now)
        assert spent <= (rate * now + at_once) * 1.000001 + 1e-6


def test_no_more_is_saved_up_than_may_be_used_at_once() -> None:
    allowance = Allowance(10, 0.0, at_once=20)
    assert allowance.spend(20, 100.0) == 0
    assert allowance.spend(5, 100.0) == pytest.approx(0.5)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": MockClock(autojump_threshold=0)})], ids=["trio"])
async def test_the_limiter_pushes_out_the_oldest_and_the_slow() -> None:
    limiter, left = HandshakeLimiter(most=2, seconds=30), dict[str, float]()

    async def slot(name: str, seconds: float) -> None:
        with limiter.slot():
            await anyio.sleep(seconds)
        left[name] = anyio.current_time()

    begun = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        for name, seconds in (("oldest", 1000), ("quick", 2), ("slow", 1000)):
            tasks.start_soon(slot, name, seconds)
            await anyio.wait_all_tasks_blocked()
    assert {name: round(at - begun) for name, at in left.items()} == {"oldest": 0, "quick": 2, "slow": 30}


@dataclass(frozen=True)
class Somebody:
    name: str
    trusted: bool = False


def test_who_makes_us_hold_most_goes_first_but_strangers_before_friends() -> None:
    memory: MemoryBudget[Somebody] = MemoryBudget(100)
    friend, small, large = Somebody("friend", trusted=True), Somebody("small"), Somebody("large")
    assert memory.note(friend, 60) is None
    assert memory.note(small, 10) is None
    assert memory.note(large, 40) == large
    assert memory.note(large, 0) is None
    assert memory.note(friend, 95) == small
    memory.note(small, 0)
    assert memory.note(friend, 101) == friend
