"""Calls after a while.

Not by the timers of Textual: one that is late before it has begun to wait, on a busy machine or for a very short time,
never calls anything.
"""

import asyncio
from collections.abc import Callable

from textual.message_pump import MessagePump


def call_later(pump: MessagePump, seconds: float, call: Callable[[], object]) -> asyncio.TimerHandle:
    """Have something called by a screen, or by the program, after so many seconds."""
    return asyncio.get_running_loop().call_later(seconds, pump.call_next, call)
