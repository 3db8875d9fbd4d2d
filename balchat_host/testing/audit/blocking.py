"""Calls that block the event loop, also those whose error the plugin swallowed. Only asyncio's loop can be watched."""

import sqlite3
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from types import ModuleType
from typing import Final

import blockbuster.blockbuster as implementation
from blockbuster import BlockBusterFunction, BlockingError, blockbuster_ctx

from balchat_host.testing.audit.places import here, shown
from balchat_host.testing.sqlite_transaction import MemoryConnection

_SHARED: Final = frozenset({"tests", "__main__"})
"""Top-level packages that are nobody's plugin."""


def package_of(plugin: object) -> ModuleType:
    """Return the package that a plugin's object comes from, or its module where that is all there is."""
    module = sys.modules[type(plugin).__module__]
    top = type(plugin).__module__.partition(".")[0]
    return sys.modules[top] if top in sys.modules and top not in _SHARED else module


def pass_over_memory(functions: Mapping[str, BlockBusterFunction]) -> None:
    """Have databases in memory be used in the event loop, as accounts in memory do, without a look at who calls."""
    for name, function in functions.items():
        if name.startswith("sqlite3."):
            function.deactivate()
            function.can_block_predicate = _in_memory
            function.activate()


def _in_memory(database: sqlite3.Connection | sqlite3.Cursor, *_: object, **__: object) -> bool:
    connection = database.connection if isinstance(database, sqlite3.Cursor) else database
    return isinstance(connection, MemoryConnection)


class BlockingWatch:
    """Raises where a watched package blocks, and remembers it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._packages: set[str] = set()
        self.calls: list[str] = []
        """Which function was called, and where."""

    def start(self) -> None:
        """Remember what is raised from now on."""
        calls = self.calls

        class RememberedError(BlockingError):
            """What blocked, and is remembered."""

            def __init__(self, func: str) -> None:
                super().__init__(func)
                calls.append(f"a call that blocks the event loop: {func} at {shown(here())}")

        before = implementation.BlockingError
        implementation.BlockingError = RememberedError
        self._stack.callback(setattr, implementation, "BlockingError", before)

    def watch(self, package: ModuleType) -> None:
        """Watch a package, too."""
        if package.__name__ not in self._packages:
            self._packages.add(package.__name__)
            functions = self._stack.enter_context(blockbuster_ctx([package])).functions
            pass_over_memory(functions)
            for function in functions.values():
                # Where lines go is the program's choice, not the plugin's; here it is pytest's.
                function.can_block_in("logging/__init__.py", {"emit"})
                function.can_block_in("audit/logs.py", {"write"})
                # A power failure comes in between, whatever the plugin does.
                function.can_block_in("testing/sqlite_disk.py", {"off"})

    def stop(self) -> None:
        """Watch nothing any more."""
        self._stack.close()
