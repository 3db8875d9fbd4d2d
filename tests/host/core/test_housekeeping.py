"""What is done now and then, so that nothing grows for ever."""

from __future__ import annotations

from balchat_host.core import housekeeping


def test_ids_of_envelopes_are_kept_for_ninety_days(bench) -> None:
    bench.run(lambda unit: unit.tx.execute("INSERT INTO received (envelope_id, at) VALUES (x'01', ?)", (unit.now,)))
    kept = lambda: bench.run(lambda unit: unit.tx.query("SELECT envelope_id FROM received"))  # noqa: E731  # short
    bench.pass_time(seconds=90 * 24 * 3600)
    bench.run(housekeeping.tidy)
    assert kept() == [(b"\x01",)]
    bench.pass_time(seconds=1)
    bench.run(housekeeping.tidy)
    assert kept() == []
