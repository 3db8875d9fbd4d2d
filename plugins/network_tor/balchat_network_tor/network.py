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
from functools import partial
from typing import Final, NoReturn, TypeVar

import anyio
from anyio import from_thread, lowlevel, to_thread
from anyio.abc import ByteStream, TaskGroup, TaskStatus
from anyio.streams.memory import MemoryObjectReceiveStream

from balchat_host.api.backoff import Backoff
from balchat_host.api.bell import Bell
from balchat_host.api.errors import BadInput, NetworkUnavailable, PeerUnreachable, TorCannotBootstrap
from balchat_host.api.network import Network, NetworkContext, PublishedService
from balchat_host.api.types import STOPPED, Check, PeerId, Phase, Secret, ServiceState
from balchat_network_tor.addresses import TcpAddress
from balchat_network_tor.control import Control, ControlClosed, ControlEvent, ControlFailure, DescriptorUpload
from balchat_network_tor.dialling import Dialler
from balchat_network_tor.doctor import checks
from balchat_network_tor.health import QUESTIONS, Health, introduced
from balchat_network_tor.keys import expanded_key, peer_of
from balchat_network_tor.onion import PublishedOnion
from balchat_network_tor.settings import TorSettings
from balchat_network_tor.sources import OwnTor, RunningTor, TorEnded, TorSource

T = TypeVar("T")

_BACKOFF: Final = Backoff(first=0.5, longest=60.0)
"""Seconds between the end of a tor and the next one."""
_SETTLED_AFTER: Final = 60.0
"""Seconds that a tor must have lived for the pause after it to be the first one again."""

_ANSWER_WITHIN: Final = 30.0
"""Seconds that tor has to answer on its control port; one that does not is stuck, and is replaced."""

_LOOK_EVERY: Final = 15.0

_MEND_SOON: Final = 3.0
_MEND_LATE: Final = 90.0
"""Seconds without an introduction point after which an onion is published again: when the network has just come back,
and otherwise. tor itself needs a few seconds, on a slow network many."""


class TorNetwork(Network):
    """Peers by their onions."""

    def __init__(self, context: NetworkContext, settings: TorSettings) -> None:
        self._context = context
        self._settings = settings
        self._source: TorSource = RunningTor(settings) if settings.control else OwnTor(settings, context.directory)
        self._dialler = Dialler()
        self._state = STOPPED
        self._changed = Bell()
        self._tasks: TaskGroup | None = None
        self._control: Control | None = None
        self._socks: TcpAddress | None = None
        self._onions: list[PublishedOnion] = []
        self._onions_lock = anyio.Lock()
        self._unheard_since: dict[str, float] = {}

    @property
    def state(self) -> ServiceState:
        return self._state

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        hopeless: NetworkUnavailable | None = None
        try:
            await self._source.prepare()
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                self._set_state(ServiceState(phase=Phase.STARTING, percent=0, reason="starting tor"))
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
            onions, self._onions = self._onions, []
            with anyio.CancelScope(shield=True):
                for onion in onions:
                    await onion.close_streams()
                await self._source.close()
            self._set_state(STOPPED)

    async def publish(self, key: Secret, port: int, *, on_state: Callable[[ServiceState], None]) -> PublishedService:
        tasks = self._running()
        service = peer_of(key).onion.removesuffix(".onion")
        if any((onion.service, onion.port) == (service, port) for onion in self._onions):
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
            withdraw=self._withdraw,
        )
        self._onions.append(onion)
        tasks.start_soon(onion.serve)
        onion.network_changed(self._state)
        try:
            await self._announce(service)
        except BaseException:
            await onion.aclose()
            raise
        return onion

    async def dial(self, peer: PeerId, port: int, *, isolation: str) -> ByteStream:
        timeout = self._settings.dial_timeout
        try:
            with anyio.fail_after(timeout):
                socks = await self._until_bootstrapped()
                return await self._dialler.dial(socks, peer, port, isolation=isolation)
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
                self._control = None
                self._socks = None
                self._unheard_since.clear()
                for onion in self._onions:
                    onion.announced()
            failures = 1 if anyio.current_time() - started > _SETTLED_AFTER else failures + 1
            pause = _BACKOFF.delay(failures)
            self._set_state(ServiceState(phase=Phase.DEGRADED, reason=f"{reason}; trying again in {pause:g} s"))
            await anyio.sleep(pause)

    async def _use(self, control: Control) -> NoReturn:
        """Use a tor until it is gone. Raises TorEnded or ControlFailure then."""
        send, events = anyio.create_memory_object_stream[ControlEvent](math.inf)
        token = lowlevel.current_token()

        def from_stem(event: ControlEvent) -> None:
            with suppress(RuntimeError, anyio.ClosedResourceError):  # we no longer listen, or are gone altogether
                from_thread.run_sync(send.send_nowait, event, token=token)

        with send, events:
            await _ask(control.listen, from_stem)
            self._socks = self._settings.socks_address or await _ask(control.socks_address)
            if self._socks is None:
                raise NetworkUnavailable(
                    problem="the running tor has no SOCKS port on TCP",
                    remedy="Add SocksPort 9050 to its torrc.",
                )
            self._control = control
            await self._look(control)
            for service in {onion.service for onion in self._onions}:
                await self._announce(service)
            while True:
                await self._next_event(control, events)

    async def _next_event(self, control: Control, events: MemoryObjectReceiveStream[ControlEvent]) -> None:
        event: ControlEvent | None = None
        with anyio.move_on_after(_LOOK_EVERY):
            event = await events.receive()
        match event:
            case ControlClosed():
                raise TorEnded("tor ended")
            case DescriptorUpload():
                for onion in self._onions:
                    if onion.service == event.service:
                        onion.uploaded(accepted=event.accepted)
            case _:
                await self._look(control)

    async def _look(self, control: Control) -> None:
        answers = await _ask(control.all_information, QUESTIONS)
        before, now = self._state, Health.read(answers).state
        heard = introduced(answers["circuit-status"])
        for onion in self._onions:
            onion.introduced(established=onion.service in heard)
        self._set_state(now)
        if now.phase is Phase.ONLINE:
            await self._mend_onions(heard, _MEND_SOON if before.phase is Phase.DEGRADED else _MEND_LATE)

    # -- onions --

    async def _mend_onions(self, heard: frozenset[str], after: float) -> None:
        """Publish those again that no introduction point has spoken for during `after` seconds.

        In an outage tor spends the few circuits that it allows itself for introduction points (ten in five minutes),
        and then does not care for them for the rest of that time. A new onion of the same key begins afresh.
        """
        now = anyio.current_time()
        for service, since in list(self._unheard_since.items()):
            if service in heard:
                self._unheard_since[service] = now
            elif now - since > after:
                await self._announce(service)

    async def _announce(self, service: str) -> None:
        """Make tor publish all ports of an onion; without a tor, the next one is told."""
        async with self._onions_lock:
            onions = [onion for onion in self._onions if onion.service == service]
            if self._control is None:
                return
            try:
                if self._unheard_since.pop(service, None) is not None:
                    await _ask(self._control.remove_onion, service)
                if onions:
                    for onion in onions:
                        onion.announced()
                    targets = {onion.port: onion.target for onion in onions}
                    await _ask(self._control.add_onion, onions[0].key_blob, targets)
                    self._unheard_since[service] = anyio.current_time()
            except (ControlFailure, TorEnded):
                for onion in onions:
                    onion.refused()

    async def _withdraw(self, onion: PublishedOnion) -> None:
        if onion in self._onions:
            self._onions.remove(onion)
            await self._announce(onion.service)

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
        for onion in self._onions:
            onion.network_changed(state)
        if state != self._state:
            self._state = state
            self._context.on_state(state)
        self._changed.ring()


def _unavailable(state: ServiceState) -> NetworkUnavailable:
    return NetworkUnavailable(problem=state.reason or str(state), remedy="It is tried again by itself.")


async def _ask(method: Callable[..., T], *arguments: object) -> T:
    """Call a blocking method of the control connection. Raises TorEnded when it does not answer in time."""
    try:
        with anyio.fail_after(_ANSWER_WITHIN):
            return await to_thread.run_sync(partial(method, *arguments), abandon_on_cancel=True)
    except TimeoutError:
        raise TorEnded("tor does not answer any more") from None
