"""Blocking questions to tor's control port, asked from the event loop."""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

import anyio
from anyio import to_thread

from balchat_network_tor.sources import TorEnded

T = TypeVar("T")

_ANSWER_WITHIN: Final = 30.0
"""Seconds that tor has to answer on its control port; one that does not is stuck, and is replaced."""


async def ask(method: Callable[..., T], *arguments: object) -> T:
    """Call a blocking method of the control connection. Raise TorEnded when it does not answer in time."""
    try:
        with anyio.fail_after(_ANSWER_WITHIN):
            return await to_thread.run_sync(partial(method, *arguments), abandon_on_cancel=True)
    except TimeoutError:
        raise TorEnded("tor does not answer any more") from None
