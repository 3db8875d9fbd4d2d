"""The network itself: dials and publishes between the accounts of one user on one machine, over unix sockets.

There is no Tor and no anonymity here, and its state says so wherever it is shown. What passes is not encrypted; only
this user's own processes (and root) can see it.
"""

from collections.abc import Callable, Sequence
from typing import Final

import anyio
from anyio import to_thread
from anyio.abc import ByteStream, TaskGroup, TaskStatus
from balchat_common.unix_sockets import connect
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.network import Network, NetworkContext, PublishedService
from balchat_host.api.types import STOPPED, Check, OnionKey, Phase, Problem, Secret, ServiceState
from balchat_network_null.directory import listen, make_private, socket_path
from balchat_network_null.proof import verify
from balchat_network_null.service import NullService
from balchat_network_null.settings import NullSettings

WARNING: Final = "no Tor and no anonymity: a network for trials, which reaches only your own accounts on this machine"
"""What it says of itself wherever it is shown."""
WARNING_CODE: Final = "null-network"
"""The name of that reason, for front ends in other languages."""

_DIAL_WITHIN: Final = 10.0
"""Seconds that the other side has to prove itself."""


class NullNetwork(Network):
    """Reaches accounts that use the same directory."""

    def __init__(self, context: NetworkContext, settings: NullSettings) -> None:
        self._directory = settings.path
        self._on_state = context.on_state
        self._state = STOPPED
        self._tasks: TaskGroup | None = None
        self._services: set[NullService] = set()

    @property
    def state(self) -> ServiceState:
        return self._state

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        self._become(ServiceState(phase=Phase.STARTING, reason=WARNING, code=WARNING_CODE))
        try:
            await to_thread.run_sync(make_private, self._directory)
            async with anyio.create_task_group() as self._tasks:
                self._become(ServiceState(phase=Phase.ONLINE, reason=WARNING, code=WARNING_CODE))
                task_status.started()
                await anyio.sleep_forever()
        finally:
            self._tasks = None
            for service in tuple(self._services):
                await service.aclose()
            self._become(STOPPED)

    async def publish(self, key: Secret, port: int, *, on_state: Callable[[ServiceState], None]) -> PublishedService:
        tasks = self._running()
        private = Ed25519PrivateKey.from_private_bytes(key.reveal())
        path = socket_path(self._directory, OnionKey(private.public_key().public_bytes_raw()), port)
        try:
            listener = await to_thread.run_sync(listen, path)
        except OSError as error:
            problem = f"no socket can be made in {self._directory} ({error.strerror})"
            raise NetworkUnavailable(problem=problem, remedy="Make room, or set another directory.") from error
        service = NullService(private, port, listener, on_state=on_state, forget=self._services.discard)
        self._services.add(service)
        if self._tasks is not tasks:  # it ended while we waited
            await service.aclose()
            raise _not_running()
        tasks.start_soon(service.serve)
        return service

    async def dial(self, address: OnionKey, port: int, *, isolation: str) -> ByteStream:
        del isolation  # nobody stands between the two who could link streams
        self._running()
        try:
            stream = await connect(socket_path(self._directory, address, port))
        except OSError as error:
            raise PeerUnreachable(problem="nobody answers at its address") from error
        try:
            with anyio.fail_after(_DIAL_WITHIN):
                await verify(stream, address, port)
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await stream.aclose()
            if isinstance(error, TimeoutError):
                raise PeerUnreachable(problem=f"no answer within {_DIAL_WITHIN:g} s") from error
            raise
        return stream

    async def checks(self) -> Sequence[Check]:
        try:
            await to_thread.run_sync(make_private, self._directory)
        except NetworkUnavailable as error:
            problem = Problem(what=str(error.fields["problem"]), remedy=str(error.fields["remedy"]))
            return [Check(name="null network", finding=WARNING, problem=problem)]
        return [Check(name="null network", finding=WARNING)]

    def _become(self, state: ServiceState) -> None:
        self._state = state
        self._on_state(state)

    def _running(self) -> TaskGroup:
        if self._tasks is None:
            raise _not_running()
        return self._tasks


def _not_running() -> NetworkUnavailable:
    return NetworkUnavailable(problem="it does not run", remedy="Start it first.")
