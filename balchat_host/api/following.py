"""Streams of an `App`, closed by whoever has seen enough of them."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from anyio import CancelScope

T = TypeVar("T")


@asynccontextmanager
async def following(stream: AsyncIterator[T]) -> AsyncGenerator[AsyncIterator[T], None]:
    """Close a stream of events, states or octets when we have seen enough, if it is of a kind that can be closed."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            with CancelScope(shield=True):
                await stream.aclose()
