"""From the call of `send` to delivered, against the raw round trip through an onion on a circuit of the same length.

The raw round trip goes through the same plugin, `network_tor`, in the same private Tor network: an echo at an onion
address, a kilobyte there and back. Both are measured in turns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import anyio

from balchat_host.api.events import MessageChanged
from balchat_host.api.views import MessageState
from bench.figure import AtMost, Figure
from bench.raw_onion import SIZE, raw_onion
from bench.room import two_contacts
from bench.timing import in_turns

if TYPE_CHECKING:
    from balchat_host.api.frontend import App
    from bench.room import Room

TITLE = "Latency, direct"
NOTE = (
    "From the call of `send` with 1 KB until the author's front end hears that the other vault has it, on a connection"
    " that stands; against 1 KB there and back through an onion service. Both accounts whole, in one process, real"
    " vaults, real tor; two more tors for the raw stream."
)
ROUNDS = 300


def measure(room: Room) -> list[Figure]:
    return anyio.run(_measure, room)


async def _measure(room: Room) -> list[Figure]:
    async with two_contacts(room, room.over_tor) as (alice, _), raw_onion(room) as onion, Sender(alice) as sender:
        sent, raw = await in_turns(ROUNDS, sender.send, onion.round_trip, warm_up=20)
    return [
        Figure(
            what="send → delivered, 1 KB, median",
            measured=sent.median,
            against="raw onion round trip",
            limit=raw.median,
            unit="ms",
            target=AtMost(1.3),
        ),
        Figure(
            what="send → delivered, 1 KB, p99",
            measured=sent.p99,
            against="raw onion round trip",
            limit=raw.p99,
            unit="ms",
        ),
    ]


class Sender:
    """Sends and waits, with one subscription for all."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __aenter__(self) -> Self:
        self._events = self._app.events.follow(after=await self._app.events.cursor())
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def send(self) -> None:
        """Send a message and wait until it is delivered."""
        sent = await self._app.messages.send("Bob", "x" * SIZE)
        async for event in self._events:
            match event:
                case MessageChanged(message=message) if (
                    message.id == sent.id and message.state is MessageState.DELIVERED
                ):
                    return
                case _:
                    pass
