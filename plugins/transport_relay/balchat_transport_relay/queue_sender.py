"""Seals envelopes and puts them into contacts' queues, in order, at one of their relays or at all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import anyio
from balchat_relay_proto import parts
from balchat_relay_proto.codec import Malformed
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.replies import Done
from balchat_relay_proto.requests import Put
from balchat_relay_proto.sealing import OVERHEAD, seal
from balchat_relay_proto.sizes import MAX_INBOX_ENVELOPE

from balchat_host.api.backoff import Backoff
from balchat_host.api.bell import Bell
from balchat_host.api.errors import BadInput, PeerUnreachable
from balchat_host.api.failures import contain
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Outcome, Outgoing, SendReport, TransportContext
from balchat_host.api.types import OnionKey, PeerId, Route
from balchat_transport_relay.address import Destination, QueueAddress
from balchat_transport_relay.circuits import Circuits
from balchat_transport_relay.errors import RelayMisbehaved, RelayUnavailable

_DENIED: Final = Backoff(first=60.0, longest=900.0)
"""When to ask again where a queue does not exist. Its owner creates it when they next reach the relay."""
_MAX_DENIED: Final = 1024
"""How many queues that did not exist we remember. Contacts name them, so there must be a bound. For one that is
forgotten the waits only begin again with the shortest."""
_DOWN_FOR: Final = 60.0
"""Seconds for which we try a relay last after it could not be reached."""
_MAX_INTO_INBOX: Final = MAX_INBOX_ENVELOPE - OVERHEAD - parts.HEADER
"""Octets of the largest envelope that fits into an inbox."""
_SHORTEST_WAIT: Final = 5.0
_LONGEST_WAIT: Final = 6 * 3600.0
"""Bounds in seconds on the time that a relay asks us to wait."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why one relay did not take an envelope. `code` is None where it did not answer."""

    code: str | None
    retry_after: float | None


class QueueSender:
    """Puts envelopes. `everywhere`: at each relay of a contact, not only at the first that takes it."""

    def __init__(self, context: TransportContext, circuits: Circuits, *, everywhere: bool) -> None:
        self._context = context
        self._circuits = circuits
        self._everywhere = everywhere
        self._down_until: dict[bytes, float] = {}
        self._denied: dict[bytes, int] = {}
        """By queue, how many times in a row it did not exist. Bounded by _MAX_DENIED."""
        self._sends: set[anyio.CancelScope] = set()
        self._idle = Bell()

    async def stop(self) -> None:
        """Stop sending. Return when everything was reported."""
        while self._sends:
            for scope in self._sends:
                scope.cancel()
            await self._idle.wait()

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        """Put envelopes, one after the other, and report each of them (Transport.send)."""
        for each in outgoing:
            if not 1 <= len(each.envelope) <= MAX_ENVELOPE_SIZE:
                problem = f"it has {len(each.envelope)} octets; 1 to {MAX_ENVELOPE_SIZE} can be sent"
                raise BadInput(what="An envelope", problem=problem)
        destinations = _read(routes)
        with anyio.CancelScope() as scope:
            self._sends.add(scope)
            try:
                await self._send(peer, destinations, outgoing)
            finally:
                self._sends.discard(scope)
                self._idle.ring()

    async def _send(self, peer: PeerId, destinations: Sequence[Destination], outgoing: Sequence[Outgoing]) -> None:
        waiting = list(outgoing)
        try:
            while waiting:
                relay, failures = await self._put(peer, destinations, waiting[0].envelope)
                if relay is None:
                    unanswered = all(failure.code is None for failure in failures)
                    nothing_sent = waiting[0] is outgoing[0]
                    waiting, failed = [], waiting
                    if unanswered and nothing_sent:
                        raise PeerUnreachable(problem="none of their relays can be reached")
                    self._refused(failed, failures)
                    return
                each = waiting.pop(0)
                self._context.report(
                    [
                        SendReport(ticket=each.ticket, outcome=Outcome.SENT),
                        SendReport(ticket=each.ticket, outcome=Outcome.STORED, relay=relay),
                    ]
                )
        finally:
            # We were stopped: what was not answered may have been stored or not.
            if waiting:
                self._context.report([SendReport(ticket=each.ticket, outcome=Outcome.LOST) for each in waiting])

    def _refused(self, waiting: Sequence[Outgoing], failures: Sequence[_Failure]) -> None:
        """Report the first as refused or lost, and those after it as lost, so that none overtakes it."""
        said = [failure for failure in failures if failure.code is not None]
        outcome = SendReport(ticket=waiting[0].ticket, outcome=Outcome.LOST)
        if said:
            hints = [failure.retry_after for failure in said if failure.retry_after is not None]
            outcome = SendReport(
                ticket=waiting[0].ticket,
                outcome=Outcome.REFUSED,
                reason=said[0].code,
                retry_after=min(hints, default=None),
            )
        self._context.report([outcome])
        self._context.report([SendReport(ticket=each.ticket, outcome=Outcome.LOST) for each in waiting[1:]])

    async def _put(
        self, peer: PeerId, destinations: Sequence[Destination], envelope: bytes
    ) -> tuple[OnionKey | None, Sequence[_Failure]]:
        """Put one envelope. Return the first relay that stored it, if one did, and why others did not take it."""
        now = anyio.current_time()
        by_hope = sorted(destinations, key=lambda each: self._down_until.get(each.address.relay_key, 0.0) > now)
        failures: list[_Failure] = []
        stored: OnionKey | None = None
        for destination in by_hope:
            failure = await self._put_at(peer, destination, envelope)
            if failure is None:
                stored = stored or OnionKey(destination.address.relay_key)
                if not self._everywhere:
                    break
            else:
                failures.append(failure)
        return stored, failures

    async def _put_at(self, peer: PeerId, destination: Destination, envelope: bytes) -> _Failure | None:
        address = destination.address
        client = self._circuits.client(OnionKey(address.relay_key), f"put/{self._circuits.assign(peer)}")
        if address.send is None and len(envelope) > _MAX_INTO_INBOX:
            return _Failure(Code.TOO_LARGE.value, None)
        try:
            for part in parts.split(envelope):
                sealed = seal(part.to_octets(), destination.sealing_key, queue=address.queue)
                await client.ask(Put(queue=address.queue, send=address.send, envelope=sealed), Done)
        except Refused as refused:
            return self._denied_at(address) if refused.code is Code.DENIED else _failure(refused)
        except RelayUnavailable:
            self._is_down(address.relay_key)
            return _Failure(None, None)
        except RelayMisbehaved:
            self._is_down(address.relay_key)
            return _Failure("relay-misbehaved", _DOWN_FOR)
        except ValueError:
            # The contact gave us a sealing key that is not a key.
            return _Failure("bad-sealing-key", None)
        except BaseException as error:  # noqa: BLE001  # other contacts' envelopes go on
            contain("leaving an envelope", error)
            return _Failure(None, None)
        self._down_until.pop(address.relay_key, None)
        self._denied.pop(address.queue, None)
        return None

    def _denied_at(self, address: QueueAddress) -> _Failure:
        if address.send is None:  # an inbox existed when we claimed the card, so its owner has left
            return _Failure(Code.DENIED.value, None)
        times = self._denied.pop(address.queue, 0) + 1
        if len(self._denied) >= _MAX_DENIED:
            del self._denied[next(iter(self._denied))]
        self._denied[address.queue] = times
        return _Failure(Code.DENIED.value, _DENIED.delay(times))

    def _is_down(self, relay: bytes) -> None:
        now = anyio.current_time()
        self._down_until = {each: until for each, until in self._down_until.items() if until > now}
        self._down_until[relay] = now + _DOWN_FOR


def _read(routes: Sequence[Route]) -> list[Destination]:
    destinations: list[Destination] = []
    for route in routes:
        try:
            destinations.append(Destination.of(route))
        except Malformed:
            continue  # the other routes may be good
    if not destinations:
        raise PeerUnreachable(problem="it gave no route of this transport that can be read")
    return destinations


def _failure(refused: Refused) -> _Failure:
    wait = None if refused.retry_after is None else min(max(refused.retry_after, _SHORTEST_WAIT), _LONGEST_WAIT)
    return _Failure(refused.code.value, wait)
