"""What an act measured, and the table that shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from demo.stage import Look, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Seconds. `bootstrap` and `publish` have one entry for each person."""

    bootstrap: Sequence[float]
    publish: Sequence[float]
    first_connect: float
    deliveries: Sequence[float]
    round_trips: Sequence[float]


def show_figures(stage: Stage, figures: Figures) -> None:
    """Show the table."""
    delivered, raw = median(figures.deliveries), median(figures.round_trips)
    rows = [
        ("bootstrap", _each(figures.bootstrap), "tor's start to its first circuit, Alice and Bob"),
        ("publish", _each(figures.publish), "from there until others can find the address"),
        ("first connect", _seconds(figures.first_connect), "from adding a contact to an authenticated stream"),
        ("send to delivered", _milliseconds(delivered), f"median of {len(figures.deliveries)} messages of 1 KiB"),
        ("raw onion round trip", _milliseconds(raw), f"median of {len(figures.round_trips)} echoes of 1 KiB"),
        ("", f"× {delivered / raw:.2f}", "a message against the raw round trip"),
    ]
    for name, value, what in rows:
        stage.note(f"{name:<22}{stage.look(f'{value:>15}', Look.STRONG)}   {stage.look(what, Look.FAINT)}")


def _each(values: Sequence[float]) -> str:
    return ", ".join(_seconds(value) for value in values)


def _seconds(value: float) -> str:
    return f"{value:.1f} s"


def _milliseconds(value: float) -> str:
    return f"{1000 * value:.1f} ms"
