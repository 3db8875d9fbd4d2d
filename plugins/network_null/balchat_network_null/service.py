"""A service that we publish: a socket, and the streams that wait behind it once they have had our proof."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream, to_thread
from anyio.abc import ByteStream, TaskGroup
from balchat_common.unix_sockets import UnixStream, accept
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from balchat_host.api.network import PublishedService
from balchat_host.api.types import ONLINE, STOPPED, Phase, ServiceState
from balchat_network_null.directory import BACKLOG, Listener
from balchat_network_null.proof import prove

_PROOF_WITHIN: Final = 10.0
"""Seconds that a dialler has to send its nonce."""


class NullService(PublishedService):
    """A service on this machine. Made by `NullNetwork.publish`."""

    def __init__(
        self,
        key: Ed25519PrivateKey,
        port: int,
        listener: Listener,
        *,
        on_state: Callable[[ServiceState], None],
        forget: Callable[["NullService"], None],
    ) -> None:
        self._key = key
        self._port = port
        self._listener = listener
        self._on_state = on_state
        self._forget = forget
        self._scope = anyio.CancelScope()
        self._proving = 0
        self._arrived, self._waiting = anyio.create_memory_object_stream[UnixStream](BACKLOG)
        self._state = STOPPED
        self._become(ServiceState(phase=Phase.STARTING))

    @property
    def state(self) -> ServiceState:
        return self._state

    async def accept(self) -> ByteStream:
        try:
            return await self._waiting.receive()
        except EndOfStream:
            raise ClosedResourceError from None

    async def aclose(self) -> None:
        if self._state == STOPPED:
            return
        self._become(STOPPED)
        self._forget(self)
        self._scope.cancel()
        self._arrived.close()
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._listener.remove)
            anyio.notify_closing(self._listener.socket)
            self._listener.socket.close()
            with suppress(EndOfStream, ClosedResourceError):
                while True:
                    await (self._waiting.receive_nowait()).aclose()
        self._waiting.close()

    async def serve(self) -> None:
        """Take streams until closed."""
        if self._state == STOPPED:
            return
        with self._scope:
            self._become(ONLINE)
            async with anyio.create_task_group() as tasks:
                while True:
                    await self._take(UnixStream(await accept(self._listener.socket)), tasks)

    async def _take(self, stream: UnixStream, tasks: TaskGroup) -> None:
        if self._proving + self._waiting.statistics().current_buffer_used >= BACKLOG:
            await stream.aclose()
            return
        self._proving += 1
        tasks.start_soon(self._prove, stream)

    async def _prove(self, stream: UnixStream) -> None:
        kept = False
        try:
            with anyio.move_on_after(_PROOF_WITHIN), suppress(EndOfStream, BrokenResourceError, ClosedResourceError):
                await prove(stream, self._key, self._port)
                self._arrived.send_nowait(stream)
                kept = True
        finally:
            self._proving -= 1
            if not kept:
                with anyio.CancelScope(shield=True):
                    await stream.aclose()

    def _become(self, state: ServiceState) -> None:
        self._state = state
        self._on_state(state)
