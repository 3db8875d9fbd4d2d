"""Claims key packages of people who are away, at the relays that their chat codes name, and then at ours."""

from collections.abc import Callable, Sequence
from typing import Final

from balchat_relay_proto.capabilities import inbox_id
from balchat_relay_proto.cards import BadCard, Card, unwrap
from balchat_relay_proto.errors import Refused
from balchat_relay_proto.replies import Claimed
from balchat_relay_proto.requests import Claim

from balchat_host.api.errors import BadOnionAddress, PeerUnreachable
from balchat_host.api.types import PeerId
from balchat_transport_relay.book import Book, ClaimRow
from balchat_transport_relay.circuits import Circuits
from balchat_transport_relay.faults import RelayGone, RelayLies

_MAX_RELAYS: Final = 3
_MAX_CLAIMS: Final = 4
"""Cards that may be out of date before the relay is given up; each is gone once it was claimed."""


class Claiming:
    """Claims for us. `now` gives Unix seconds."""

    def __init__(self, book: Book, circuits: Circuits, now: Callable[[], float]) -> None:
        self._book = book
        self._circuits = circuits
        self._now = now

    async def claim(self, peer: PeerId, relays: Sequence[str]) -> bytes | None:
        """Get a KeyPackage (Transport.claim_key_package); the way to the inbox is remembered."""
        failure: PeerUnreachable | None = None
        # They may have moved, since they gave out their chat code, to one that we use too.
        for relay in dict.fromkeys([*_named(relays), *(row.peer for row in self._book.used)]):
            try:
                card = await self._card(relay, peer)
            except (RelayGone, RelayLies, BadCard) as error:
                failure = PeerUnreachable(problem=f"a relay did not help: {error}")
                continue
            if card is not None:
                await self._book.put_claim(peer, ClaimRow(relay=relay.octets, sealing_key=card.sealing_key))
                return card.key_package
        if failure is not None:
            raise failure
        return None

    async def _card(self, relay: PeerId, peer: PeerId) -> Card | None:
        client = self._circuits.client(relay, f"claim/{self._circuits.slot(peer)}")
        for _ in range(_MAX_CLAIMS):
            try:
                claimed = await client.ask(Claim(queue=inbox_id(peer.octets)), Claimed)
            except Refused:
                return None  # they are not there, or nothing is left
            card = unwrap(claimed.card, onion_key=peer.octets)
            if card.not_after > self._now():
                return card
            if claimed.last_resort:
                return None
        return None


def _named(relays: Sequence[str]) -> list[PeerId]:
    found: list[PeerId] = []
    for each in relays[:_MAX_RELAYS]:
        try:
            found.append(PeerId.from_onion(each))
        except BadOnionAddress:
            continue
    return found
