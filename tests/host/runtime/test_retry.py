"""When to try again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from balchat_host.runtime.retry import Backoff

FAILURES = st.integers(min_value=1, max_value=10**6)
CHANCE = st.floats(min_value=0, max_value=1)


def backoff(chance: float) -> Backoff:
    return Backoff(first=2, most=300, chance=lambda: chance)


def test_who_has_not_failed_is_tried_at_once() -> None:
    assert backoff(1).delay(0, waiting=True) == backoff(1).delay(0, waiting=False) == 0


def test_the_wait_doubles_up_to_the_longest() -> None:
    waits = [backoff(1).delay(failures, waiting=True) for failures in range(1, 11)]
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_who_waits_for_nothing_is_tried_less_often() -> None:
    assert backoff(1).delay(100, waiting=False) == 900


@given(failures=FAILURES, chance=CHANCE)
def test_chance_takes_away_at_most_half(failures: int, chance: float) -> None:
    full = backoff(1).delay(failures, waiting=True)
    assert full / 2 <= backoff(chance).delay(failures, waiting=True) <= full


@given(failures=FAILURES, chance=CHANCE)
def test_no_wait_is_ever_nothing(failures: int, chance: float) -> None:
    assert backoff(chance).delay(failures, waiting=True) >= 1
