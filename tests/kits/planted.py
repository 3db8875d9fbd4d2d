"""Gathers the faults of a package, for its `FAULTS`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from types import ModuleType

FaultT = TypeVar("FaultT")


def planted(base: type[FaultT], *modules: ModuleType) -> list[type[FaultT]]:
    """Return the faults of these modules in their order: every class that is made of `base` itself."""
    return [
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and base in found.__bases__ and found.__module__ == module.__name__
    ]
