"""The addresses of our routes (docs/spec/direct-transport.md, "Routes").

    identity onion   peer id (32)
    device onion     onion key (32) ‖ signature (64)

The key of a device onion signs that it serves that device of that account. So whoever names an onion as theirs holds
its key, and nobody can have us dial another one's.
"""

from dataclasses import dataclass
from typing import Final

from balchat_host.api.errors import BadCredential
from balchat_host.api.transport import TransportContext
from balchat_host.api.types import ONION_KEY_SIZE, OnionKey, OwnOnion, PeerId, Route

NAME: Final = "transport_tor_direct"
DOMAIN: Final = "balchat-device-onion-v1"
"""The domain of the onion's signature (CryptoEngine.sign)."""
SIGNATURE_SIZE: Final = 64
_MOST_KEPT: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where to dial. `device_id` is who must answer there, or None for whichever device of the peer does."""

    onion: OnionKey
    device_id: bytes | None


def identity_route(peer: PeerId) -> Route:
    """Return the route to a peer's identity onion."""
    return Route(transport=NAME, address=peer.octets)


async def own_route(context: TransportContext) -> Route:
    """Return the route to our device onion."""
    onion = await context.onion_key(OwnOnion.DEVICE)
    message = context.identity.octets + context.device_id
    signature = await context.sign(domain=DOMAIN, message=message, signer=OwnOnion.DEVICE)
    return Route(transport=NAME, address=onion.octets + signature)


class RouteReader:
    """Reads routes that peers gave. A signature is verified once, as long as it is remembered."""

    def __init__(self, context: TransportContext) -> None:
        self._context = context
        self._good: dict[tuple[PeerId, bytes, bytes], None] = {}

    def read(self, peer: PeerId, route: Route) -> Destination | None:
        """Return where a route of `peer`'s leads; None where it is none of ours (R1 to R4)."""
        if route.transport != NAME or route.sealing_key is not None or route.client_key is not None:
            return None
        if route.address == peer.octets:
            return Destination(onion=peer.identity_onion, device_id=route.device_id)
        if route.device_id is None or len(route.address) != ONION_KEY_SIZE + SIGNATURE_SIZE:
            return None
        onion = OnionKey(route.address[:ONION_KEY_SIZE])
        if onion == peer.identity_onion:
            return None
        if not self._is_theirs(peer, route.device_id, route.address):
            return None
        return Destination(onion=onion, device_id=route.device_id)

    def _is_theirs(self, peer: PeerId, device_id: bytes, address: bytes) -> bool:
        named = (peer, device_id, address)
        if named not in self._good:
            onion, signature = OnionKey(address[:ONION_KEY_SIZE]), address[ONION_KEY_SIZE:]
            try:
                self._context.verify(onion, domain=DOMAIN, message=peer.octets + device_id, signature=signature)
            except BadCredential:
                return False
            if len(self._good) >= _MOST_KEPT:
                del self._good[next(iter(self._good))]
            self._good[named] = None
        return True
