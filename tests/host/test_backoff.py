"""When to try again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from balchat_host.api.backoff import Backoff

FAILURES = st.integers(min_value=1, max_value=10**6)
RANDOM = st.floats(min_value=0, max_value=1)


def backoff(random: float) -> Backoff:
    return Backoff(first=2, longest=300, jitter=lambda: random)


def test_who_has_not_failed_is_tried_at_once() -> None:
    assert backoff(1).delay(0) == 0


def test_the_wait_doubles_up_to_the_longest() -> None:
    waits = [Backoff(first=2, longest=300).delay(failures) for failures in range(1, 11)]
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_another_factor() -> None:
    waits = [Backoff(first=15, longest=3600, factor=4).delay(failures) for failures in range(1, 7)]
    assert waits == [15, 60, 240, 960, 3600, 3600]


@given(failures=FAILURES, random=RANDOM)
def test_jitter_takes_away_at_most_half(failures: int, random: float) -> None:
    full = backoff(1).delay(failures)
    assert full / 2 <= backoff(random).delay(failures) <= full


@given(failures=FAILURES, random=RANDOM)
def test_no_wait_is_ever_nothing(failures: int, random: float) -> None:
    assert backoff(random).delay(failures) >= 1
