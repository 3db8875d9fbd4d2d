"""Requests to one relay over one circuit, on a connection that is opened when needed and closed when idle."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio
from balchat_relay_proto.address import PORT
from balchat_relay_proto.codec import Malformed, Message
from balchat_relay_proto.errors import Code, Refusal, Refused
from balchat_relay_proto.proofs import PROOF_DOMAIN, Purpose, proof_message
from balchat_relay_proto.replies import About, Challenge, Fetched
from balchat_relay_proto.requests import GetChallenge, Owner, Request
from balchat_relay_proto.sizes import MAX_REPLY
from balchat_relay_proto.versions import common_version

from balchat_host.api.errors import BalchatError, NetworkUnavailable, PeerUnreachable
from balchat_host.api.failures import contain
from balchat_host.api.transport import TransportContext
from balchat_host.api.types import OnionKey
from balchat_transport_relay.errors import InternalFailure, RelayMisbehaved, RelayUnavailable, UnsupportedRelay
from balchat_transport_relay.http import HttpConnection

R = TypeVar("R", bound=Message)

_OK: Final = 200
_MAX_SMALL: Final = 16 * 1024
_LARGE: Final[dict[type[Message], int]] = {Fetched: MAX_REPLY}
"""Octets of the replies that may be larger."""
_TRIES: Final = 3
_SHORT_WAIT: Final = 5
"""Seconds that we wait here when the relay asks for it. The caller hears of longer waits."""


class RelayClient:
    """One relay over one circuit. One request at a time."""

    def __init__(
        self, context: TransportContext, relay: OnionKey, *, isolation: str, timeout: float, closed: bool = False
    ) -> None:
        self._context = context
        self._relay = relay
        self._isolation = isolation
        self._timeout = timeout
        self._turn = anyio.Lock()
        self._http: HttpConnection | None = None
        self._about: About | None = None
        self.used_at = anyio.current_time()
        self._closed = closed
        self.on_answer: Callable[[int], None] | None = None
        """Called with the milliseconds that each answer took."""

    async def about(self) -> About:
        """Ask the relay for its About, over a new connection. Raise RelayUnavailable, RelayMisbehaved."""
        async with self._turn:
            await self.disconnect()
            return await self._in_time(self._introduced)

    async def ask(self, request: Request, reply: type[R], *, limit: int | None = None) -> R:
        """Send a request; return the reply, of at most `limit` octets where that is known.

        Raise Refused, RelayUnavailable, RelayMisbehaved.
        """
        return await self._patiently(lambda http: self._post(http, request, reply, limit=limit))

    async def ask_as_owner(self, purpose: Purpose, make: Callable[[Owner], Request], reply: type[R]) -> R:
        """Send a request about our inbox, signed over a fresh challenge. Raise what `ask` does."""

        async def ask(http: HttpConnection) -> R:
            challenge = (await self._post(http, GetChallenge(), Challenge)).challenge
            return await self._post(http, make(await sign(self._context, self._relay, challenge, purpose)), reply)

        return await self._patiently(ask)

    @property
    def busy(self) -> bool:
        """Whether a request is under way or waits for its turn."""
        return self._turn.locked()

    async def disconnect(self) -> None:
        """Close the connection. The next request opens another one."""
        http, self._http = self._http, None
        if http is not None:
            with anyio.CancelScope(shield=True):
                await http.aclose()

    async def aclose(self) -> None:
        """Close the connection for good. Requests that wait or come later raise RelayUnavailable."""
        self._closed = True
        await self.disconnect()

    async def _patiently(self, ask: Callable[[HttpConnection], Awaitable[R]]) -> R:
        """Ask, and wait where the relay says that we ask too fast. Requests behind this one keep their order."""
        async with self._turn:
            for _ in range(_TRIES):
                try:
                    return await self._in_time(ask)
                except Refused as refused:
                    wait = refused.retry_after
                    if refused.code is not Code.TOO_MANY_REQUESTS or wait is None or wait > _SHORT_WAIT:
                        raise
                    await anyio.sleep(max(1, wait))
            return await self._in_time(ask)

    async def _introduced(self, http: HttpConnection) -> About:
        del http
        assert self._about is not None, "a connection begins with it"
        return self._about

    async def _in_time(self, ask: Callable[[HttpConnection], Awaitable[R]]) -> R:
        """Ask once. Raise what `ask` does, and what our vault raises when it signs."""
        try:
            return await self._once_more(ask)
        except (Refused, RelayUnavailable, RelayMisbehaved, BalchatError):
            raise
        except BaseException as error:  # noqa: BLE001  # a bad answer ends one request
            contain("asking a relay", error)
            await self.disconnect()
            raise InternalFailure from None

    async def _once_more(self, ask: Callable[[HttpConnection], Awaitable[R]]) -> R:
        self.used_at = anyio.current_time()
        with anyio.move_on_after(self._timeout):
            reused = self._http is not None and self._http.usable
            try:
                return await ask(await self._connected())
            except RelayUnavailable:
                if not reused:
                    raise
            # The relay may have closed an idle connection; every operation can be repeated.
            return await ask(await self._connected())
        await self.disconnect()
        raise RelayUnavailable("it did not answer in time")

    async def _connected(self) -> HttpConnection:
        if self._http is not None and self._http.usable:
            return self._http
        await self.disconnect()
        if self._closed:
            raise RelayUnavailable("the relay transport stops")
        try:
            stream = await self._context.dial(self._relay, PORT, isolation=self._isolation)
        except (PeerUnreachable, NetworkUnavailable) as error:
            raise RelayUnavailable(f"it cannot be reached: {error.fields.get('problem')}") from error
        self._http = http = HttpConnection(stream, name=self._relay.onion)
        try:
            self._about = _checked(self._relay, _read(About, *await http.exchange("GET", "/", (), limit=_MAX_SMALL)))
        except BaseException:
            await self.disconnect()
            raise
        return http

    async def _post(self, http: HttpConnection, request: Request, reply: type[R], *, limit: int | None = None) -> R:
        limit = limit or _LARGE.get(reply, _MAX_SMALL)
        began = anyio.current_time()
        answer = await http.exchange("POST", f"/v1/{request.OPERATION}", request.to_pieces(), limit=limit)
        if self.on_answer is not None:
            self.on_answer(round((anyio.current_time() - began) * 1000))
        return _read(reply, *answer)


async def sign(context: TransportContext, relay: OnionKey, challenge: bytes, purpose: Purpose) -> Owner:
    """Return the proof, for one relay and challenge, that our inbox is ours."""
    message = proof_message(relay_key=relay.octets, challenge=challenge, purpose=purpose)
    return Owner(onion_key=context.identity.octets, signature=await context.sign(domain=PROOF_DOMAIN, message=message))


def _checked(relay: OnionKey, about: About) -> About:
    """Check that this is the relay that we dialled, and that we share a version (docs/spec/relay.md, Transport).

    Raise RelayMisbehaved, UnsupportedRelay.
    """
    if about.relay_key != relay.octets:
        raise RelayMisbehaved("it says that it is another relay")
    try:
        common_version(about.versions)
    except Refused as refused:
        raise UnsupportedRelay(refused.detail) from refused
    return about


def _read(reply: type[R], status: int, octets: bytes) -> R:
    try:
        if status == _OK:
            return reply.from_octets(octets)
        refused = Refusal.from_octets(octets).exception
    except Malformed as error:
        raise RelayMisbehaved("its answer cannot be read") from error
    raise refused
