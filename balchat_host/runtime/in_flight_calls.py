"""Calls of a plugin's object that are under way. They end with the object: nobody else would ever answer them."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

T = TypeVar("T")


class ObjectEnded(Exception):
    """The object ended before it had answered."""


class OpenCalls:
    """The calls of one plugin's present object."""

    def __init__(self) -> None:
        self._scopes: set[anyio.CancelScope] = set()

    async def wait_for(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what a call gives. Raise what it raises, and ObjectEnded."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                return await call()
            finally:
                self._scopes.discard(scope)
        raise ObjectEnded

    def end(self) -> None:
        """End all that are under way."""
        for scope in tuple(self._scopes):
            scope.cancel()
