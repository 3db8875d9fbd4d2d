"""Operations at one relay over one circuit: a connection that is opened when needed and closed when idle."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio
from balchat_relay_proto.address import PORT
from balchat_relay_proto.cbor import Malformed
from balchat_relay_proto.codec import Message
from balchat_relay_proto.errors import Refusal
from balchat_relay_proto.proofs import PROOF_DOMAIN, Purpose, proof_message
from balchat_relay_proto.replies import About, Challenge
from balchat_relay_proto.requests import GetChallenge, Owner, Request
from balchat_relay_proto.sizes import MAX_REPLY
from balchat_relay_proto.versions import common_version

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.transport import TransportHost
from balchat_host.api.types import PeerId
from balchat_transport_relay.faults import RelayGone, RelayLies
from balchat_transport_relay.http import HttpConnection

R = TypeVar("R", bound=Message)

_OK: Final = 200
_MAX_SMALL: Final = 16 * 1024


class Lane:
    """One relay over one circuit. One request at a time."""

    def __init__(self, host: TransportHost, relay: PeerId, *, isolation: str, timeout: float) -> None:
        self._host = host
        self._relay = relay
        self._isolation = isolation
        self._timeout = timeout
        self._turn = anyio.Lock()
        self._http: HttpConnection | None = None
        self._about: About | None = None
        self.used_at = 0.0

    async def about(self) -> About:
        """Ask the relay who it is. Raises RelayGone, RelayLies, Refused where no version is common."""
        async with self._turn:
            with anyio.move_on_after(self._timeout):
                await self._close()
                await self._connected()
                assert self._about is not None
                return self._about
            await self._close()
        raise RelayGone("it did not answer in time")

    async def ask(self, request: Request, reply: type[R]) -> R:
        """Ask for an operation; give the reply. Raises Refused, RelayGone, RelayLies."""
        async with self._turn:
            return await self._in_time(lambda http: self._post(http, request, reply))

    async def ask_as_owner(self, purpose: Purpose, make: Callable[[Owner], Request], reply: type[R]) -> R:
        """Ask for an operation on our inbox, with a signature over a fresh challenge. Raises what `ask` does."""

        async def ask(http: HttpConnection) -> R:
            challenge = (await self._post(http, GetChallenge(), Challenge)).challenge
            return await self._post(http, make(await sign(self._host, self._relay, challenge, purpose)), reply)

        async with self._turn:
            return await self._in_time(ask)

    @property
    def busy(self) -> bool:
        """Whether something is being asked, or waits for its turn."""
        return self._turn.locked()

    async def aclose(self) -> None:
        """End the connection, and whatever waits for it."""
        await self._close()

    async def _in_time(self, ask: Callable[[HttpConnection], Awaitable[R]]) -> R:
        self.used_at = anyio.current_time()
        with anyio.move_on_after(self._timeout):
            reused = self._http is not None and self._http.usable
            try:
                return await ask(await self._connected())
            except RelayGone:
                if not reused:
                    raise
            # The relay may have closed an idle connection; every operation can be repeated.
            return await ask(await self._connected())
        await self._close()
        raise RelayGone("it did not answer in time")

    async def _connected(self) -> HttpConnection:
        if self._http is not None and self._http.usable:
            return self._http
        await self._close()
        try:
            stream = await self._host.dial(self._relay, PORT, isolation=self._isolation)
        except (PeerUnreachable, NetworkUnavailable) as error:
            raise RelayGone(str(error)) from error
        self._http = http = HttpConnection(stream, name=self._relay.onion)
        status, octets = await http.exchange("GET", "/", b"", limit=_MAX_SMALL)
        about = _read(About, status, octets)
        if about.relay_key != self._relay.octets:
            await self._close()
            raise RelayLies("it says that it is another relay")
        common_version(about.versions)
        self._about = about
        return http

    async def _post(self, http: HttpConnection, request: Request, reply: type[R]) -> R:
        limit = MAX_REPLY if reply.__name__ == "Fetched" else _MAX_SMALL
        target = f"/v1/{request.OPERATION}"
        return _read(reply, *await http.exchange("POST", target, request.to_octets(), limit=limit))

    async def _close(self) -> None:
        http, self._http = self._http, None
        if http is not None:
            with anyio.CancelScope(shield=True):
                await http.aclose()


async def sign(host: TransportHost, relay: PeerId, challenge: bytes, purpose: Purpose) -> Owner:
    """Prove to a relay that our inbox is ours."""
    message = proof_message(relay_key=relay.octets, challenge=challenge, purpose=purpose)
    return Owner(onion_key=host.identity.octets, signature=await host.sign(domain=PROOF_DOMAIN, message=message))


def _read(reply: type[R], status: int, octets: bytes) -> R:
    try:
        if status == _OK:
            return reply.from_octets(octets)
        refused = Refusal.from_octets(octets).exception
    except Malformed as error:
        raise RelayLies("its answer cannot be read") from error
    raise refused
