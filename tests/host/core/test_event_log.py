"""The stream of events: resumed by cursor, kept as long as somebody needs it, pruned by nobody's haste."""

from __future__ import annotations

import pytest

from balchat_host.api.errors import BadInput, CursorTooOld
from balchat_host.api.events import ContactRemoved
from balchat_host.core import event_log
from balchat_host.core.unit_of_work import ANNOUNCE

DAY = 24 * 3600


def write(bench, count: int = 1) -> int:
    """Write events; return the last one's cursor."""
    for number in range(count):
        body = {"name": f"Contact {number}", "peer_id": "00" * 32, "conversation": "00" * 16}
        bench.run(lambda unit, body=body: event_log.append(unit, ContactRemoved, conversation=None, body=body))
    return bench.run(lambda unit: event_log.newest(unit.tx))


def start(bench, *, after: int | None = None, subscriber: str | None = None) -> int:
    return bench.run(lambda unit: event_log.start(unit.tx, after=after, subscriber=subscriber))


def acknowledge(bench, subscriber: str, cursor: int) -> None:
    bench.run(lambda unit: event_log.acknowledge(unit, subscriber, cursor))


def cursors(bench, *, after: int, limit: int = 100) -> list[int]:
    events, _ = bench.run(lambda unit: event_log.read(unit.tx, after=after, limit=limit, now=0))
    return [event.cursor for event in events]


def test_events_ring_the_bell_once_a_unit(bench) -> None:
    def twice(unit) -> None:
        for _ in range(2):
            event_log.append(
                unit,
                ContactRemoved,
                conversation=None,
                body={"name": "Bob", "peer_id": "00" * 32, "conversation": "00" * 16},
            )

    bench.run(twice)
    assert bench.effects == [ANNOUNCE]


def test_pages_follow_each_other_without_a_gap(bench) -> None:
    write(bench, 7)
    events, cursor = bench.run(lambda unit: event_log.read(unit.tx, after=2, limit=3, now=0))
    assert [event.cursor for event in events] == [3, 4, 5]
    assert cursor == 5
    assert cursors(bench, after=cursor) == [6, 7]
    assert bench.run(lambda unit: event_log.read(unit.tx, after=7, limit=3, now=0)) == ([], 7)


def test_without_a_cursor_reading_begins_now(bench) -> None:
    assert start(bench) == 0
    write(bench, 3)
    assert start(bench) == 3


def test_a_new_subscriber_begins_at_the_beginning(bench) -> None:
    write(bench, 3)
    assert start(bench, subscriber="screen") == 0
    acknowledge(bench, "screen", 2)
    assert start(bench, subscriber="screen") == 2
    assert start(bench, after=1, subscriber="screen") == 1


@pytest.mark.parametrize("cursor", [-1, 4])
def test_a_cursor_that_never_was_is_refused(bench, cursor: int) -> None:
    write(bench, 3)
    with pytest.raises(BadInput):
        start(bench, after=cursor)
    with pytest.raises(BadInput):
        acknowledge(bench, "screen", cursor)


def test_an_acknowledgement_never_goes_back(bench) -> None:
    write(bench, 3)
    acknowledge(bench, "screen", 3)
    acknowledge(bench, "screen", 1)
    assert start(bench, subscriber="screen") == 3


def test_what_is_old_and_acknowledged_is_deleted_and_said_so(bench) -> None:
    write(bench, 3)
    acknowledge(bench, "screen", 2)
    bench.pass_time(seconds=event_log.KEPT_FOR / 1000 + 1)
    bench.run(event_log.prune)
    assert cursors(bench, after=0) == [3]
    for old in (0, 1):
        with pytest.raises(CursorTooOld) as error:
            start(bench, after=old)
        assert error.value.fields == {"cursor": old, "oldest": 3}
    assert start(bench, after=2) == 2
    assert start(bench, subscriber="screen") == 2


def test_what_is_young_stays_though_everybody_has_it(bench) -> None:
    write(bench, 3)
    acknowledge(bench, "screen", 3)
    bench.pass_time(seconds=event_log.KEPT_FOR / 1000)
    bench.run(event_log.prune)
    assert cursors(bench, after=0) == [1, 2, 3]


def test_what_one_subscriber_still_needs_stays_though_it_is_old(bench) -> None:
    write(bench, 3)
    acknowledge(bench, "screen", 3)
    acknowledge(bench, "slow", 1)
    bench.pass_time(seconds=event_log.WAITED_FOR / 1000)
    bench.run(event_log.prune)
    assert cursors(bench, after=1) == [2, 3]


def test_a_subscriber_that_does_not_come_back_keeps_nothing_for_ever(bench) -> None:
    write(bench, 3)
    acknowledge(bench, "gone", 1)
    bench.pass_time(seconds=event_log.WAITED_FOR / 1000 + 1)
    acknowledge(bench, "screen", 2)
    bench.run(event_log.prune)
    assert cursors(bench, after=0) == [3]
    with pytest.raises(CursorTooOld) as error:
        start(bench, subscriber="gone")
    assert error.value.fields == {"cursor": 1, "oldest": 3}
    # It reads what there is now, and goes on from there.
    acknowledge(bench, "gone", 3)
    assert start(bench, subscriber="gone") == 3


def test_a_subscriber_for_whom_nothing_happened_is_not_too_old(bench) -> None:
    write(bench, 3)
    acknowledge(bench, "screen", 3)
    bench.pass_time(seconds=1000 * DAY)
    bench.run(event_log.prune)
    assert start(bench, subscriber="screen") == 3


def test_without_subscribers_what_is_old_goes(bench) -> None:
    write(bench, 2)
    bench.pass_time(seconds=event_log.KEPT_FOR / 1000 + 1)
    write(bench, 1)
    bench.run(event_log.prune)
    assert cursors(bench, after=2) == [3]
    with pytest.raises(CursorTooOld):
        start(bench, after=0)


def test_cursors_go_on_after_everything_was_deleted(bench) -> None:
    write(bench, 3)
    bench.pass_time(seconds=event_log.KEPT_FOR / 1000 + 1)
    bench.run(event_log.prune)
    assert start(bench) == 3
    assert write(bench) == 4


def test_pruning_again_changes_nothing(bench) -> None:
    write(bench, 3)
    acknowledge(bench, "screen", 3)
    bench.pass_time(seconds=event_log.KEPT_FOR / 1000 + 1)
    bench.run(event_log.prune)
    bench.run(event_log.prune)
    with pytest.raises(CursorTooOld) as error:
        start(bench, after=0)
    assert error.value.fields["oldest"] == 4


def test_subscribers_are_bounded_in_number_and_name(bench) -> None:
    write(bench)
    for number in range(64):
        acknowledge(bench, f"subscriber {number}", 1)
    acknowledge(bench, "subscriber 0", 1)
    with pytest.raises(BadInput, match="64"):
        acknowledge(bench, "one too many", 1)
    for name in ("", "x" * 65):
        with pytest.raises(BadInput):
            acknowledge(bench, name, 1)


def test_an_event_of_a_kind_that_is_not_known_is_passed_over(bench) -> None:
    write(bench)
    bench.run(
        lambda unit: unit.tx.execute(
            "INSERT INTO event (at, type, conversation, body) VALUES (0, 'moon.full', NULL, '{}')"
        )
    )
    write(bench)
    assert cursors(bench, after=0) == [1, 3]
    assert bench.run(lambda unit: event_log.read(unit.tx, after=1, limit=1, now=0)) == ([], 2)


def test_a_new_subscriber_begins_with_the_oldest_event_there_is(bench) -> None:
    write(bench, 3)
    bench.pass_time(seconds=event_log.KEPT_FOR / 1000 + 1)
    bench.run(event_log.prune)
    write(bench, 1)
    assert start(bench, subscriber="screen") == 3
    acknowledge(bench, "screen", 0)
    assert start(bench, subscriber="screen") == 3


def test_what_a_subscriber_that_has_dealt_with_nothing_needs_stays(bench) -> None:
    acknowledge(bench, "screen", 0)
    write(bench, 3)
    bench.pass_time(seconds=event_log.WAITED_FOR / 1000)
    bench.run(event_log.prune)
    assert cursors(bench, after=start(bench, subscriber="screen")) == [1, 2, 3]
