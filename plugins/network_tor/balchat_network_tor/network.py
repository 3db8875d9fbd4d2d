"""The network itself: keeps a tor, mends what breaks, dials and publishes.

Theory of operation
-------------------
`run` opens the source again and again: a tor comes, is used until its control connection ends, and after a pause the
next one comes. Whatever was published is published again with each. While a tor is there its events arrive in a
queue; each makes us look at its health again, and a look without any event now and then finds a tor that hangs.

    stopped → starting (0 … 100 %) → online ⇄ degraded: reason
                  ↑ tor ended                 │
                  └───────────────────────────┘
"""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from socket import socket
from typing import Final, NoReturn

import anyio
from anyio import from_thread, lowlevel
from anyio.abc import ByteStream, TaskGroup, TaskStatus
from anyio.streams.memory import MemoryObjectReceiveStream

from balchat_host.api.backoff import Backoff
from balchat_host.api.bell import Bell
from balchat_host.api.errors import BadInput, NetworkUnavailable, PeerUnreachable, TorCannotBootstrap
from balchat_host.api.network import Network, NetworkContext, PublishedService
from balchat_host.api.types import STOPPED, Check, OnionKey, Phase, Secret, ServiceState
from balchat_network_tor.addresses import TcpAddress
from balchat_network_tor.asking import ask
from balchat_network_tor.control import Control, ControlClosed, ControlEvent, ControlFailure, DescriptorChanged
from balchat_network_tor.dialling import Dialler
from balchat_network_tor.doctor import checks
from balchat_network_tor.health import QUESTIONS, Health, introduced
from balchat_network_tor.keys import expanded_key, onion_of
from balchat_network_tor.onion import PublishedOnion
from balchat_network_tor.publisher import Publisher
from balchat_network_tor.settings import TorSettings
from balchat_network_tor.sources import OwnTor, RunningTor, TorEnded, TorSource

_BACKOFF: Final = Backoff(first=0.5, longest=60.0)
"""Seconds between the end of a tor and the next one."""
_SETTLED_AFTER: Final = 60.0
"""Seconds that a tor must have lived for the pause after it to be the first one again."""

_LOOK_EVERY: Final = 15.0

_MEND_SOON: Final = 3.0
_MEND_LATE: Final = 90.0
"""Seconds without an introduction point after which an onion is published again: when the network has just come back,
and otherwise. tor itself needs a few seconds, on a slow network many."""


class TorNetwork(Network):
    """Onion services of tor, version 3."""

    def __init__(self, context: NetworkContext, settings: TorSettings) -> None:
        self._context = context
        self._settings = settings
        self._source: TorSource = RunningTor(settings) if settings.control else OwnTor(settings, context.directory)
        self._dialler = Dialler()
        self._state = STOPPED
        self._changed = Bell()
        self._tasks: TaskGroup | None = None
        self._socks: TcpAddress | None = None
        self._publisher = Publisher()

    @property
    def state(self) -> ServiceState:
        return self._state

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        hopeless: NetworkUnavailable | None = None
        try:
            await self._source.prepare()
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                self._set_state(
                    ServiceState(phase=Phase.STARTING, percent=0, reason="starting tor", code="tor.starting")
                )
                task_status.started()
                try:
                    await self._keep_a_tor(tasks)
                except NetworkUnavailable as error:
                    hopeless = error
                    tasks.cancel_scope.cancel()
            if hopeless is not None:
                raise hopeless
        finally:
            self._tasks = None
            onions, self._publisher = self._publisher.onions, Publisher()
            with anyio.CancelScope(shield=True):
                for onion in onions:
                    await onion.close_streams()
                await self._source.close()
            self._set_state(STOPPED)

    async def publish(self, key: Secret, port: int, *, on_state: Callable[[ServiceState], None]) -> PublishedService:
        return await self._publish(key, port, on_state, serves=True)

    async def publish_socket(
        self, key: Secret, port: int, *, on_state: Callable[[ServiceState], None]
    ) -> tuple[PublishedService, socket]:
        """Publish as `publish` does, for a server that takes the streams itself from the socket that is returned.

        The socket listens, and is the caller's to close; it may be of any family. Nothing comes from `accept`, and
        `max_incoming` does not count. Raise NetworkUnavailable.
        """
        onion = await self._publish(key, port, on_state, serves=False)
        return onion, onion.listening_socket()

    async def _publish(
        self, key: Secret, port: int, on_state: Callable[[ServiceState], None], *, serves: bool
    ) -> PublishedOnion:
        tasks = self._running()
        service = onion_of(key).onion.removesuffix(".onion")
        if any((onion.service, onion.port) == (service, port) for onion in self._publisher.onions):
            raise BadInput(what=f"port {port}", problem="this address already answers there")
        listener, target = await self._source.listen()
        onion = PublishedOnion(
            service=service,
            key_blob=expanded_key(key),
            port=port,
            listener=listener,
            target=target,
            max_incoming=self._settings.max_incoming,
            on_state=on_state,
            withdraw=self._publisher.withdraw,
        )
        if serves:
            tasks.start_soon(onion.serve)
        onion.network_changed(self._state)
        try:
            await self._publisher.add(onion)
        except BaseException:
            await onion.aclose()
            raise
        return onion

    async def dial(self, address: OnionKey, port: int, *, isolation: str) -> ByteStream:
        timeout = self._settings.dial_timeout
        try:
            with anyio.fail_after(timeout):
                socks = await self._until_bootstrapped()
                return await self._dialler.dial(socks, address, port, isolation=isolation)
        except (PeerUnreachable, TimeoutError) as error:
            # Whether it is the peer or our own network that is away, tor's SOCKS port cannot tell.
            if self._state.phase is Phase.STARTING:
                raise TorCannotBootstrap(problem=f"{self._state.percent or 0} %, {self._state.reason}") from error
            if self._state.phase is not Phase.ONLINE:
                raise _unavailable(self._state) from error
            if isinstance(error, PeerUnreachable):
                raise
            raise PeerUnreachable(problem=f"no answer within {timeout:g} s") from error

    async def checks(self) -> Sequence[Check]:
        return await checks(self._settings)

    # -- keeping a tor --

    async def _keep_a_tor(self, tasks: TaskGroup) -> None:
        failures = 0
        while True:
            started = anyio.current_time()
            reason = "tor ended"
            try:
                async with self._source.open(tasks) as control:
                    await self._use(control)
            except TorEnded as error:
                reason = str(error)
            except ControlFailure:  # the connection broke before its end was announced
                pass
            finally:
                self._socks = None
                self._publisher.lose()
            failures = 1 if anyio.current_time() - started > _SETTLED_AFTER else failures + 1
            pause = _BACKOFF.delay(failures)
            reason = f"{reason}; trying again in {pause:g} s"
            self._set_state(ServiceState(phase=Phase.DEGRADED, reason=reason, code="tor.ended"))
            await anyio.sleep(pause)

    async def _use(self, control: Control) -> NoReturn:
        """Use a tor until it is gone. Raise TorEnded or ControlFailure then."""
        send, events = anyio.create_memory_object_stream[ControlEvent](math.inf)
        token = lowlevel.current_token()

        def from_stem(event: ControlEvent) -> None:
            with suppress(RuntimeError, anyio.ClosedResourceError):  # we no longer listen, or are gone altogether
                from_thread.run_sync(send.send_nowait, event, token=token)

        with send, events:
            await ask(control.listen, from_stem)
            self._socks = self._settings.socks_address or await ask(control.socks_address)
            if self._socks is None:
                raise NetworkUnavailable(
                    problem="the running tor has no SOCKS port on TCP",
                    remedy="Add SocksPort 9050 to its torrc.",
                )
            await self._look(control)
            await self._publisher.use(control)
            while True:
                await self._next_event(control, events)

    async def _next_event(self, control: Control, events: MemoryObjectReceiveStream[ControlEvent]) -> None:
        event: ControlEvent | None = None
        with anyio.move_on_after(_LOOK_EVERY):
            event = await events.receive()
        match event:
            case ControlClosed():
                raise TorEnded("tor ended")
            case DescriptorChanged():
                await self._publisher.descriptor_changed(event)
            case _:
                await self._look(control)

    async def _look(self, control: Control) -> None:
        answers = await ask(control.all_information, QUESTIONS)
        before, now = self._state, Health.read(answers).state
        heard = introduced(answers["circuit-status"])
        await self._publisher.introduced(heard, online=now.phase is Phase.ONLINE)
        self._set_state(now)
        if now.phase is Phase.ONLINE:
            await self._publisher.mend(heard, _MEND_SOON if before.phase is Phase.DEGRADED else _MEND_LATE)

    # -- states --

    async def _until_bootstrapped(self) -> TcpAddress:
        while True:
            self._running()
            if self._socks is not None and self._state.phase is not Phase.STARTING:
                return self._socks
            await self._changed.wait()

    def _running(self) -> TaskGroup:
        if self._tasks is None:
            raise NetworkUnavailable(problem="it is stopped", remedy="`balchat up` starts it.")
        return self._tasks

    def _set_state(self, state: ServiceState) -> None:
        for onion in self._publisher.onions:
            onion.network_changed(state)
        if state != self._state:
            self._state = state
            self._context.on_state(state)
        self._changed.ring()


def _unavailable(state: ServiceState) -> NetworkUnavailable:
    return NetworkUnavailable(problem=state.reason or str(state), remedy="It is tried again by itself.")
