"""Several attempts at the same thing, staggered; the first that succeeds wins.

The newest attempt is the one that is believed when it fails, for it knows best: an older one may be waiting for
something that is long gone.
"""

from collections.abc import Awaitable, Callable
from math import inf
from typing import Final, TypeAlias

import anyio
from anyio.abc import ByteStream

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable

COMPANY_AFTER: Final = 5.0
"""Seconds until the first attempt gets company; the next waits twice as long, and so on."""

_FAILURES: Final = (PeerUnreachable, NetworkUnavailable)
_Outcome: TypeAlias = tuple[int, ByteStream | PeerUnreachable | NetworkUnavailable]


async def race(attempt: Callable[[], Awaitable[ByteStream]]) -> ByteStream:
    """Return the first stream that an attempt opens. Raise what the newest attempt raised.

    It goes on for as long as the caller lets it; the attempts that lost are cancelled, their streams closed.
    """
    send, outcomes = anyio.create_memory_object_stream[_Outcome](inf)

    async def run(number: int) -> None:
        try:
            send.send_nowait((number, await attempt()))
        except _FAILURES as failure:
            send.send_nowait((number, failure))

    newest, pause = 0, COMPANY_AFTER
    last: _Outcome | None = None
    with send, outcomes:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(run, newest)
                while not _decided(last, newest):
                    last = None
                    with anyio.move_on_after(pause) as patience:
                        last = await outcomes.receive()
                    if patience.cancelled_caught:
                        newest, pause = newest + 1, 2 * pause
                        tasks.start_soon(run, newest)
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                while outcomes.statistics().current_buffer_used:
                    _, loser = outcomes.receive_nowait()
                    if not isinstance(loser, _FAILURES):
                        await loser.aclose()
    assert last is not None
    if isinstance(last[1], _FAILURES):
        raise last[1]
    return last[1]


def _decided(outcome: _Outcome | None, newest: int) -> bool:
    """Whether the race ends with this outcome."""
    return outcome is not None and (outcome[0] == newest or not isinstance(outcome[1], _FAILURES))
