"""Streams to onions through tor's SOCKS port (socks-extensions), by python-socks."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Final

from anyio.abc import ByteStream
from python_socks import ProxyConnectionError, ProxyError, ProxyType
from python_socks.async_.anyio import Proxy

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.types import PeerId
from balchat_network_tor.addresses import TcpAddress

_REASONS: Final[Mapping[int | None, str]] = {
    1: "tor could not open a circuit to it",
    4: "its address is not to be found; it may be offline",
    5: "it is there, but does not answer on this port",
    6: "it did not answer in time",
}
"""What a SOCKS reply (RFC 1928, section 6) means when tor gives it for an onion."""


class Dialler:
    """Opens streams, and isolates them."""

    def __init__(self) -> None:
        # tor keeps the SOCKS credentials and shows them at its control port; so they tell nothing, not even that two
        # runs talked to the same contact.
        self._salt = secrets.token_bytes(32)

    async def dial(self, socks: TcpAddress, peer: PeerId, port: int, *, isolation: str) -> ByteStream:
        """Open a stream. Raises PeerUnreachable, or NetworkUnavailable where the SOCKS port itself is dead. Waits long.

        tor never lets streams with different credentials share a circuit (IsolateSOCKSAuth).
        """
        credential = hashlib.blake2b(isolation.encode(), key=self._salt, digest_size=16).hexdigest()
        proxy = Proxy(ProxyType.SOCKS5, *socks, username=credential, password="isolated", rdns=True)  # noqa: S106  # a label
        try:
            return await proxy.connect(peer.onion, port, timeout=_NO_LIMIT)
        except ProxyConnectionError as error:
            raise NetworkUnavailable(
                problem="tor's SOCKS port does not answer", remedy="It is started again by itself"
            ) from error
        except ProxyError as error:
            raise PeerUnreachable(problem=_REASONS.get(error.error_code, "tor gave up")) from error


_NO_LIMIT: Final = 3600.0
"""Seconds; the caller has the limit that counts, and python-socks wants one."""
