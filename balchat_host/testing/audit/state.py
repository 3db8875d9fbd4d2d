"""State of the process, and of modules, that was changed and is still so: accounts share it, and a start loses it."""

import os
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, Final

# As it is before blockbuster wraps it.
_current_folder: Final = os.getcwd
_TOOLS: Final = frozenset({"PYTEST_CURRENT_TEST", "COLUMNS", "LINES"})
"""What test tools have in the environment."""
_CONTAINERS: Final = (dict, list, set, deque, bytearray)
_PLAIN: Final = (int, float, str, bytes, tuple, frozenset, type(None))


class ProcessState:
    """The environment, and what is done when a signal comes, as they were at first."""

    def __init__(self) -> None:
        self._before = self._state()

    def changed(self) -> Iterator[str]:
        """Say what is another one now."""
        after = self._state()
        for what in sorted({*self._before, *after}):
            if self._before.get(what) != after.get(what):
                yield f"something that belongs to the whole process was changed: {what}"

    @staticmethod
    def _state() -> Mapping[str, object]:
        # Test tools have a limit of time by SIGALRM.
        signals = [each for each in signal.Signals if each is not signal.SIGALRM]
        return {
            **{f"{name} in the environment": value for name, value in os.environ.items() if name not in _TOOLS},
            **{f"what is done on {each.name}": signal.getsignal(each) for each in signals},
            "the folder in which relative paths begin": _current_folder(),
            "the time limit of all sockets": socket.getdefaulttimeout(),
            "what is done with errors that nobody handles": (sys.excepthook, threading.excepthook),
            "where modules are found": tuple(sys.path),
        }


class Globals:
    """What the modules and classes of a package held at first."""

    def __init__(self, package: str) -> None:
        self.package = package
        self._before = dict(self._held())

    def changed(self) -> Iterator[str]:
        """Say what holds something else now. What was not there before was imported, which is no change."""
        after = dict(self._held())
        for name, held in self._before.items():
            if name in after and after[name] != held:
                yield (
                    f"state outside of the plugin's object: {name} has changed. Accounts share it, and a start "
                    "loses it: what must be remembered lies in the vault"
                )

    def _held(self) -> Iterator[tuple[str, object]]:
        for name, module in list(sys.modules.items()):
            if name == self.package or name.startswith(f"{self.package}."):
                yield from _shown(name, module)
                for each in list(vars(module).values()):
                    if isinstance(each, type) and each.__module__ == name:
                        yield from _shown(f"{name}.{each.__qualname__}", each)


def _shown(owner: str, holder: ModuleType | type) -> Iterator[tuple[str, object]]:
    for name, value in list(vars(holder).items()):
        if not name.startswith("__"):
            held = _fingerprint(value)
            if held is not None:
                yield f"{owner}.{name}", held


def _fingerprint(value: object) -> object:
    """Return what differs when a value does; None for what is no state."""
    if issubclass(type(value), _PLAIN):
        return repr(value)
    elements: Any = value
    if issubclass(type(value), _CONTAINERS):
        values: Any = elements.values() if hasattr(value, "values") else ()
        return [*map(id, elements), *map(id, values)]
    return None
