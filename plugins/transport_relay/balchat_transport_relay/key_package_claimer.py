"""Claims the KeyPackages of people who are away.

It asks the relays where they have had queues for us, then those that their chat codes name, and then ours.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import anyio
from balchat_relay_proto.capabilities import inbox_id
from balchat_relay_proto.cards import BadCard, Card, unwrap
from balchat_relay_proto.codec import Malformed
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.replies import Claimed
from balchat_relay_proto.requests import Claim

from balchat_host.api.backoff import Backoff
from balchat_host.api.errors import BadOnionAddress, PeerUnreachable
from balchat_host.api.failures import contain
from balchat_host.api.types import OnionKey, PeerId, Route
from balchat_transport_relay.address import Destination
from balchat_transport_relay.circuits import Circuits
from balchat_transport_relay.errors import InternalFailure, RelayMisbehaved, RelayUnavailable
from balchat_transport_relay.relay_state import RelayState
from balchat_transport_relay.rows import ClaimRow

_MAX_RELAYS: Final = 3
_MAX_CLAIMS: Final = 4
"""How many expired cards we claim before we give up on a relay. A claimed card is gone."""
_ASKING_AGAIN: Final = Backoff(first=60.0, longest=24 * 3600.0, factor=4.0)
"""When to ask a relay of ours that has answered again for the same person."""


@dataclass(slots=True)
class _Asked:
    """How often a relay of ours has answered for somebody, and the loop's time before which not to ask again."""

    times: int = 0
    not_before: float = 0.0

    def answered(self) -> None:
        self.times += 1
        self.not_before = anyio.current_time() + _ASKING_AGAIN.delay(self.times)


class KeyPackageClaimer:
    """Claims KeyPackages. `now` returns Unix seconds."""

    def __init__(self, state: RelayState, circuits: Circuits, now: Callable[[], float]) -> None:
        self._relay_state = state
        self._circuits = circuits
        self._now = now
        self._asked: dict[PeerId, dict[OnionKey, _Asked]] = {}
        """By person and relay of ours."""

    async def claim(self, peer: PeerId, relays: Sequence[str], routes: Sequence[Route] = ()) -> bytes | None:
        """Return a KeyPackage (Transport.claim_key_package), and remember where the inbox is."""
        named = list(dict.fromkeys([*_relays_of(routes), *_named(relays)]))
        key_package = await self._look(peer, named)
        if key_package is not None:
            return key_package
        # They may have moved to a relay that we use too. But asking tells it whom we look for, so we ask only when all
        # others have answered, and not often.
        ours = [row.onion_key for row in self._relay_state.used if row.onion_key not in named]
        asked = self._asked.setdefault(peer, {})
        due = [relay for relay in ours if relay not in asked or asked[relay].not_before <= anyio.current_time()]
        return await self._look(peer, due, asked=asked)

    def forget(self, peer: PeerId) -> None:
        """Forget somebody."""
        self._asked.pop(peer, None)

    async def _look(
        self, peer: PeerId, relays: Sequence[OnionKey], *, asked: dict[OnionKey, _Asked] | None = None
    ) -> bytes | None:
        """Claim at the first relay that has a card. Note in `asked` which of them have answered."""
        failure: PeerUnreachable | None = None
        for relay in relays:
            try:
                card = await self._card(relay, peer)
            except RelayUnavailable as unavailable:
                failure = PeerUnreachable(problem=f"a relay did not help: {unavailable}")
                continue
            except Refused as refused:
                failure, card = PeerUnreachable(problem=f"a relay did not help: {refused.code.value}"), None
            except (RelayMisbehaved, BadCard) as error:
                failure, card = PeerUnreachable(problem=f"a relay did not help: {error}"), None
            except BaseException as error:  # noqa: BLE001  # it ends one attempt
                contain("reading a card", error)
                failure, card = PeerUnreachable(problem=f"a relay did not help: {InternalFailure()}"), None
            if asked is not None:
                asked.setdefault(relay, _Asked()).answered()
            if card is not None:
                await self._relay_state.add_claim(peer, ClaimRow(relay=relay.octets, sealing_key=card.sealing_key))
                return card.key_package
        if failure is not None:
            raise failure
        return None

    async def _card(self, relay: OnionKey, peer: PeerId) -> Card | None:
        """Claim at one relay; None where it has no usable card. Raise what `RelayClient.ask` does, and BadCard."""
        client = self._circuits.client(relay, f"claim/{self._circuits.assign(peer)}")
        for _ in range(_MAX_CLAIMS):
            try:
                claimed = await client.ask(Claim(queue=inbox_id(peer.octets)), Claimed)
            except Refused as refused:
                if refused.code not in (Code.DENIED, Code.NO_KEY_PACKAGE):
                    raise
                return None  # they have no inbox there, or no card is left
            card = unwrap(claimed.card, onion_key=peer.octets)
            if card.not_after > self._now():
                return card
            if claimed.last_resort:
                return None
        return None


def _relays_of(routes: Sequence[Route]) -> list[OnionKey]:
    """Return the relays where somebody has had queues. They leave cards there as well."""
    found: list[OnionKey] = []
    for route in routes[:_MAX_RELAYS]:
        with suppress(Malformed):
            found.append(OnionKey(Destination.of(route).address.relay_key))
    return found


def _named(relays: Sequence[str]) -> list[OnionKey]:
    found: list[OnionKey] = []
    for each in relays[:_MAX_RELAYS]:
        try:
            found.append(OnionKey.from_onion(each))
        except BadOnionAddress:
            continue
    return found
