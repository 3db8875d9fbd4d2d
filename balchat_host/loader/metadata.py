"""What a distribution's metadata says of it. It is somebody else's, and may not be there, or not be text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importlib.metadata import Distribution

UNKNOWN: Final = "unknown"
"""What is told where the metadata does not say it."""

_LONGEST: Final = 512
"""Characters that are taken of what it says."""


def name_of(distribution: Distribution | None) -> str:
    """Return a distribution's name."""
    return said_by(distribution, "Name") or UNKNOWN


def version_of(distribution: Distribution | None) -> str:
    """Return a distribution's version."""
    return said_by(distribution, "Version") or UNKNOWN


def summary_of(distribution: Distribution | None) -> str:
    """Return a distribution's line about itself."""
    return said_by(distribution, "Summary") or UNKNOWN


def said_by(distribution: Distribution | None, key: str) -> str:
    """Return the beginning of what the metadata of a distribution says; nothing where it does not."""
    try:
        return ((distribution and distribution.metadata[key]) or "")[:_LONGEST]
    except Exception:  # noqa: BLE001  # a distribution without metadata is still listed, and stops nobody else
        return ""
