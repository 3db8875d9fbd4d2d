"""The relays that a person manages (api.transport.Relays)."""

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote

import anyio
from balchat_relay_proto.address import SCHEME, RelayAddress
from balchat_relay_proto.address import BadRelayAddress as NoAddress
from balchat_relay_proto.errors import Code, Refused

from balchat_host.api.errors import BadRelayAddress, NoSuchRelay, RelayUnusable, TooMany
from balchat_host.api.transport import RelayManager
from balchat_host.api.uris import UnreadableUri, read_uri
from balchat_host.api.views import RelayView
from balchat_transport_relay.errors import RelayMisbehaved, RelayUnavailable, UnsupportedRelay
from balchat_transport_relay.health import in_words
from balchat_transport_relay.relay_state import RelayState
from balchat_transport_relay.relay_worker import RelayWorker
from balchat_transport_relay.rows import RelayRow

_SHORTEST: Final = 6


class ManagedRelays(RelayManager):
    """The relays in `RelayState`.

    `worker` returns the worker of a relay of ours; `start` starts the worker of a relay that may become ours, and
    `drop` ends it. `changed` is called after every change.
    """

    def __init__(
        self,
        state: RelayState,
        *,
        most: int,
        worker: Callable[[bytes], RelayWorker],
        start: Callable[[bytes], RelayWorker],
        drop: Callable[[bytes], None],
        changed: Callable[[], object],
    ) -> None:
        self._relay_state = state
        self._most = most
        self._worker = worker
        self._start = start
        self._drop = drop
        self._changed = changed
        self._adding = anyio.Lock()

    async def all(self) -> Sequence[RelayView]:
        return [self._view(row) for row in self._relay_state.used]

    async def add(self, address: str) -> RelayView:
        parsed = _parsed(address)
        async with self._adding:
            others = [row for row in self._relay_state.used if row.key != parsed.relay_key]
            if len(others) >= self._most:
                raise TooMany(limit=self._most, what="relays")
            worker = self._start(parsed.relay_key)
            try:
                await worker.register(parsed.permit)
            except (Refused, RelayUnavailable, RelayMisbehaved) as error:
                if self._relay_state.relay(parsed.relay_key) is None:
                    self._drop(parsed.relay_key)
                raise _unusable(error) from error
            row = await self._relay_state.use_relay(parsed)
            worker = self._start(parsed.relay_key)  # the one from before ends if it was just leaving the relay
        self._changed()
        await worker.check()
        return self._view(row)

    async def remove(self, relay: str) -> None:
        await self._relay_state.leave_relay(self._find(relay))
        self._changed()

    async def check(self, relay: str) -> RelayView:
        row = self._find(relay)
        await self._worker(row.key).check()
        return self._view(row)

    async def set_default(self, relay: str) -> RelayView:
        row = self._find(relay)
        row = await self._relay_state.use_relay(RelayAddress(relay_key=row.key, permit=row.permit), first=True)
        self._changed()
        return self._view(row)

    def _find(self, relay: str) -> RelayRow:
        try:
            wanted = read_uri(relay, SCHEME, texts=("permit",)).onion
        except UnreadableUri:
            wanted = "".join(relay.split()).lower().removeprefix(f"{SCHEME}:")
        found = [row for row in self._relay_state.used if row.onion_key.onion.startswith(wanted)]
        if len(wanted) < _SHORTEST or len(found) != 1:
            raise NoSuchRelay(name=relay)
        return found[0]

    def _view(self, row: RelayRow) -> RelayView:
        health = self._worker(row.key).health
        return RelayView(
            onion=row.onion_key.onion,
            default=row.key == self._relay_state.used[0].key,
            state=health.state,
            queues=sum(queue.created for queue in self._relay_state.queues(relay=row.key)),
            round_trip=health.round_trip,
            answered_at=health.answered_at,
        )


def _parsed(address: str) -> RelayAddress:
    """Parse an address that mail or a chat program may have changed. Raise BadRelayAddress."""
    try:
        uri = read_uri(address, SCHEME, texts=("permit",))
        permit = "".join(f"?permit={quote(value, safe='')}" for value in uri.values("permit")[:1])
        return RelayAddress.parse(f"{SCHEME}:{uri.onion}{permit}")
    except (NoAddress, UnreadableUri) as error:
        raise BadRelayAddress(problem=str(error)) from error


def _unusable(error: Exception) -> RelayUnusable:
    match error:
        case Refused(code=Code.NOT_INVITED):
            remedy = "Ask its operator for an invitation, and add the address with it: balchat-relay:…?permit=…"
            return RelayUnusable(problem=in_words(Code.NOT_INVITED), remedy=remedy)
        case Refused():
            return RelayUnusable(problem=in_words(error.code), remedy="Try later, or use another relay.")
        case UnsupportedRelay():
            return RelayUnusable(problem=str(error), remedy="Update it, or use another relay.")
        case RelayMisbehaved():
            return RelayUnusable(problem=f"it misbehaves: {error}", remedy="Use another relay.")
        case _:
            remedy = "Check the address, and that the relay and our own network are up (balchat status)."
            return RelayUnusable(problem=str(error), remedy=remedy)
