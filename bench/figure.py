"""One figure: what was measured, its limit of the same run, and what their ratio shall be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Target(Protocol):
    """What shall hold between a measurement and its limit. `str()` says it for people."""

    def met(self, measured: float, limit: float) -> bool: ...


@dataclass(frozen=True, slots=True)
class AtMost:
    """Times and sizes: no more than `times` the limit."""

    times: float

    def met(self, measured: float, limit: float) -> bool:
        return measured <= self.times * limit

    def __str__(self) -> str:
        return f"≤ {self.times:g}×"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Rates: no less than `times` the limit."""

    times: float

    def met(self, measured: float, limit: float) -> bool:
        return measured >= self.times * limit

    def __str__(self) -> str:
        return f"≥ {self.times:g}×"


@dataclass(frozen=True, slots=True)
class NoMoreThan:
    """Times: the limit and `extra`, in the figure's unit."""

    extra: float
    unit: str

    def met(self, measured: float, limit: float) -> bool:
        return measured <= limit + self.extra

    def __str__(self) -> str:
        return f"+ {self.extra:g} {self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the results; both numbers are in `unit`. Without a `target` both are only reported."""

    what: str
    measured: float
    against: str
    limit: float
    unit: str
    target: Target | None = None

    @property
    def met(self) -> bool:
        """Whether the target holds; where there is none, it does."""
        return self.target is None or self.target.met(self.measured, self.limit)

    @property
    def verdict(self) -> str:
        """What the results say of it."""
        if self.target is None:
            return "reported"
        return "met" if self.met else "**MISSED**"

    @property
    def ratio(self) -> float:
        """Measured by limit."""
        return self.measured / self.limit

    def cells(self) -> list[str]:
        """Return the line's cells."""
        return [
            self.what,
            f"{number(self.measured)} {self.unit}",
            self.against,
            f"{number(self.limit)} {self.unit}",
            f"{self.ratio:.2f}×",
            str(self.target or "–"),
            self.verdict,
        ]


HEADINGS = ["measured", "figure", "against", "limit", "ratio", "target", "verdict"]


def number(value: float) -> str:
    """Write a number with three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
