"""A plain client of one relay at a unix socket, one connection: for tests and measurements, not for people."""

import io
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import aiohttp
from balchat_relay_proto.capabilities import Capability, inbox_id, queue_id
from balchat_relay_proto.codec import Message
from balchat_relay_proto.errors import Refusal
from balchat_relay_proto.frames import FromClient, FromRelay, Hello, decode_from_relay, encode_from_client
from balchat_relay_proto.proofs import PROOF_DOMAIN, Purpose, proof_message
from balchat_relay_proto.replies import About, Challenge, Created
from balchat_relay_proto.requests import Create, GetChallenge, Holder, Owner, Request
from balchat_relay_proto.sizes import MAX_REPLY
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

R = TypeVar("R", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OwnQueue:
    """A queue and both of its capabilities."""

    send: Capability
    receive: Capability

    @classmethod
    def generate(cls) -> Self:
        """Make capabilities; the relay knows nothing of them yet."""
        return cls(send=Capability.generate(), receive=Capability.generate())

    @property
    def id(self) -> bytes:
        """The queue's id."""
        return queue_id(self.send.verifier, self.receive.verifier)

    @property
    def holder(self) -> Holder:
        """Its authority."""
        return Holder(capability=self.receive)


class Client:
    """Asks, and subscribes."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def ask(self, request: Request, reply: type[R]) -> R:
        """Ask; return the reply. Raise Refused."""
        # aiohttp warns of large octets, and not of a file.
        octets = await self.post(request.OPERATION, io.BytesIO(request.to_octets()))
        return reply.from_octets(octets)

    async def post(self, operation: str, body: Any, **options: Any) -> bytes:
        """Post anything; return the reply's octets. Raise Refused."""
        async with self.session.post(f"http://relay/v1/{operation}", data=body, **options) as answer:
            octets = await answer.content.read(MAX_REPLY + 1) if answer.status != 200 else await answer.read()
            if answer.status != 200:
                raise Refusal.from_octets(octets).exception
            return octets

    async def about(self) -> About:
        """Ask who it is."""
        async with self.session.get("http://relay/") as answer:
            return About.from_octets(await answer.read())

    async def new_queue(self, permit: str | None = None) -> OwnQueue:
        """Create a queue."""
        queue = OwnQueue.generate()
        create = Create(send_verifier=queue.send.verifier, receive_verifier=queue.receive.verifier, permit=permit)
        created = await self.ask(create, Created)
        assert created.queue == queue.id
        return queue

    async def owner(self, key: Ed25519PrivateKey, relay_key: bytes, purpose: Purpose) -> Owner:
        """Get a challenge and sign it."""
        challenge = (await self.ask(GetChallenge(), Challenge)).challenge
        return sign(key, relay_key=relay_key, challenge=challenge, purpose=purpose)

    @asynccontextmanager
    async def subscriber(self) -> AsyncGenerator["Subscriber"]:
        """Open a WebSocket, and read its Hello."""
        async with self.session.ws_connect("http://relay/v1/subscribe", compress=0, max_msg_size=MAX_REPLY) as socket:
            subscriber = Subscriber(socket)
            hello = await subscriber.receive()
            assert isinstance(hello, Hello)
            subscriber.challenge = hello.challenge
            yield subscriber


class Subscriber:
    """A WebSocket's frames."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.challenge = b""

    async def send(self, frame: FromClient) -> None:
        """Send a frame."""
        await self.socket.send_bytes(encode_from_client(frame))

    async def receive(self) -> FromRelay:
        """Wait for a frame. Raise ConnectionResetError when the relay closed."""
        message = await self.socket.receive()
        if message.type is not aiohttp.WSMsgType.BINARY:
            raise ConnectionResetError(self.socket.close_code)
        return decode_from_relay(message.data)


@asynccontextmanager
async def connected(socket: Path, *, timeout: float = 60) -> AsyncGenerator[Client]:  # noqa: ASYNC109  # aiohttp's own
    """Use a relay over one connection."""
    connector = aiohttp.UnixConnector(str(socket), limit=1)
    options = aiohttp.ClientTimeout(total=timeout)
    async with aiohttp.ClientSession(connector=connector, timeout=options) as session:
        yield Client(session)


def sign(key: Ed25519PrivateKey, *, relay_key: bytes, challenge: bytes, purpose: Purpose) -> Owner:
    """Prove to own the inbox of `key`."""
    message = proof_message(relay_key=relay_key, challenge=challenge, purpose=purpose)
    signature = key.sign(PROOF_DOMAIN.encode() + b"\x00" + message)
    return Owner(onion_key=key.public_key().public_bytes_raw(), signature=signature)


def inbox_of(key: Ed25519PrivateKey) -> bytes:
    """Return the id of the inbox of `key`."""
    return inbox_id(key.public_key().public_bytes_raw())


def random_envelope(size: int = 16 * 1024) -> bytes:
    """Return octets that look like an envelope."""
    return secrets.token_bytes(32) + bytes(size - 32)
