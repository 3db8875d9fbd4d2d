"""Token buckets: an hour's worth at once, then evenly, across restarts and whatever the clock does."""

from __future__ import annotations

import pytest

from balchat_host.api.errors import RequestsFull
from balchat_host.core import envelope_budgets, rate_limits


def take(bench, bucket: str = "requests", *, per_hour: int = 6) -> None:
    bench.run(lambda unit: rate_limits.take(unit, bucket, per_hour=per_hour))


def empty(bench, bucket: str = "requests", *, per_hour: int = 6) -> int:
    """Take all that is there; return how much it was."""
    for count in range(1000):
        try:
            take(bench, bucket, per_hour=per_hour)
        except RequestsFull:
            return count
    raise AssertionError("it has no end")


def test_a_bucket_holds_an_hours_worth(bench) -> None:
    assert empty(bench) == 6


def test_it_fills_evenly_and_says_when(bench) -> None:
    empty(bench)
    with pytest.raises(RequestsFull) as refused:
        take(bench)
    wait = refused.value.fields["retry_after"]
    assert wait == 601
    bench.pass_time(seconds=wait - 2)
    with pytest.raises(RequestsFull) as refused:
        take(bench)
    assert refused.value.fields["retry_after"] in {1, 2}
    bench.pass_time(seconds=2)
    take(bench)
    with pytest.raises(RequestsFull):
        take(bench)


def test_it_never_holds_more_than_an_hours_worth(bench) -> None:
    empty(bench)
    bench.pass_time(seconds=100 * 3600)
    assert empty(bench) == 6


def test_a_refusal_costs_nothing(bench) -> None:
    empty(bench)
    bench.pass_time(seconds=300)
    with pytest.raises(RequestsFull):
        take(bench)
    bench.pass_time(seconds=300)
    take(bench)


def test_buckets_are_apart(bench) -> None:
    empty(bench, "requests")
    assert empty(bench, "key-packages") == 6


def test_a_limit_of_none_is_never(bench) -> None:
    with pytest.raises(RequestsFull) as refused:
        take(bench, per_hour=0)
    assert refused.value.fields["retry_after"] == 3600


def test_a_clock_that_is_set_back_neither_fills_nor_drains(bench) -> None:
    empty(bench)
    bench.pass_time(seconds=-3600)
    with pytest.raises(RequestsFull) as refused:
        take(bench)
    assert refused.value.fields["retry_after"] == 601
    bench.pass_time(seconds=3600)
    with pytest.raises(RequestsFull):
        take(bench)


def test_a_clock_that_was_wrong_for_a_while_stops_nobody_for_longer_than_an_hour(bench) -> None:
    bench.pass_time(seconds=365 * 24 * 3600)
    empty(bench)
    bench.pass_time(seconds=-365 * 24 * 3600)
    bench.pass_time(seconds=3600)
    assert empty(bench) >= 1


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([100] * 300, [128, 128, 44]),
        ([40_000, 40_000, 100], [1, 2]),
        ([1_000_000, 1, 1_000_000], [1, 1, 1]),
        ([65_536, 1], [1, 1]),
    ],
)
def test_what_comes_at_once_is_taken_in_by_units_of_bounded_size(sizes: list[int], expected: list[int]) -> None:
    envelopes = [bytes([number % 256]) * size for number, size in enumerate(sizes)]
    portions = list(envelope_budgets.portions(envelopes))
    assert [len(portion) for portion in portions] == expected
    assert [each for portion in portions for each in portion] == envelopes
