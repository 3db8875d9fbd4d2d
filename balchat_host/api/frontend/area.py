"""How an `App` is put together: from areas, each an abstract class, found by name.

This is the one description that everything else is made from: `App.capabilities`, the wire names on the local socket,
the client of the socket and its reference page. To add an area, write a subclass of `Area`, give `App` an abstract
property that returns it, and implement it once, in `balchat_host.runtime.local_app`.
"""

from abc import ABC
from collections.abc import Mapping, Sequence
from typing import get_type_hints


class Area(ABC):  # noqa: B024  # what its subclasses declare is abstract
    """One part of an App. Its abstract methods are what can be asked: coroutines, or functions that return a stream."""


def areas_of(app: type) -> Mapping[str, type[Area]]:
    """Return the areas of an App's class by name, in the order in which the class has them."""
    found: dict[str, type[Area]] = {}
    for name, value in vars(app).items():
        if isinstance(value, property) and _is_abstract(value):
            area = get_type_hints(value.fget)["return"]
            if issubclass(area, Area):
                found[name] = area
    return found


def method_names(described: type) -> Sequence[str]:
    """Return the names of the abstract methods of an area's class, or of any other, in their order there."""
    return [name for name, value in vars(described).items() if callable(value) and _is_abstract(value)]


def _is_abstract(value: object) -> bool:
    return bool(getattr(value, "__isabstractmethod__", False))
