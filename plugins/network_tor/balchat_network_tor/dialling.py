"""Streams to onions through tor's SOCKS port (socks-extensions), by python-socks.

tor sends a stream over a circuit that other streams with the same SOCKS credentials use, and over none with others
(IsolateSOCKSAuth). The user name is made from the isolation; the password names a circuit that is known to work.

When a peer's tor dies, its introduction points may take an introduction for it a moment longer. tor then waits
minutes for the answer, and with it every new stream with the same credentials. So a dial that takes long is raced by
another with a new password, and a password that led nowhere is not used again.
"""

import hashlib
import secrets
from collections.abc import Mapping
from functools import partial
from typing import Final

from anyio.abc import ByteStream
from python_socks import ProxyConnectionError, ProxyError, ProxyType
from python_socks.async_.anyio import Proxy

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.types import OnionKey
from balchat_network_tor.addresses import TcpAddress
from balchat_network_tor.racing import race

_NO_LIMIT: Final = 3600.0
"""Seconds; the caller has the limit that counts, and python-socks wants one."""

_BROKEN_CIRCUIT: Final = 1
_REASONS: Final[Mapping[int | None, str]] = {
    _BROKEN_CIRCUIT: "tor could not keep a circuit to it",
    4: "its address is not to be found, or nobody is there; it may be offline",
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
        self._working: dict[str, str] = {}

    async def dial(self, socks: TcpAddress, address: OnionKey, port: int, *, isolation: str) -> ByteStream:
        """Open a stream. Raise PeerUnreachable, or NetworkUnavailable where the SOCKS port itself is dead.

        It tries for as long as the caller lets it.
        """
        user = hashlib.blake2b(isolation.encode(), key=self._salt, digest_size=16).hexdigest()
        return await race(partial(self._attempt, socks, address, port, user))

    async def _attempt(self, socks: TcpAddress, address: OnionKey, port: int, user: str) -> ByteStream:
        known = self._working.pop(user, None)
        if known is not None:
            try:
                return await self._connect(socks, address, port, user, known)
            except ProxyError as error:
                if error.error_code != _BROKEN_CIRCUIT:
                    raise _unreachable(error) from error
        try:
            return await self._connect(socks, address, port, user, secrets.token_hex(8))
        except ProxyError as error:
            raise _unreachable(error) from error

    async def _connect(self, socks: TcpAddress, address: OnionKey, port: int, user: str, password: str) -> ByteStream:
        proxy = Proxy(ProxyType.SOCKS5, *socks, username=user, password=password, rdns=True)
        try:
            stream = await proxy.connect(address.onion, port, timeout=_NO_LIMIT)
        except ProxyConnectionError as error:
            raise NetworkUnavailable(
                problem="tor's SOCKS port does not answer", remedy="It is started again by itself."
            ) from error
        self._working[user] = password
        return stream


def _unreachable(error: ProxyError) -> PeerUnreachable:
    return PeerUnreachable(problem=_REASONS.get(error.error_code, "tor gave up"))
