"""Keeps our two onions published, and tells how they are.

The device onion is always published, the identity onion while requests of strangers are accepted.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import anyio
from anyio import ClosedResourceError
from anyio.abc import ByteStream, TaskGroup

from balchat_host.api.backoff import Backoff
from balchat_host.api.errors import NetworkUnavailable
from balchat_host.api.transport import TransportContext
from balchat_host.api.types import ONLINE, OwnOnion, Phase, ServiceState

PORT: Final = 22524
"""The virtual port at which both onions answer."""
PUBLISHING: Final = Backoff(first=1.0, longest=60.0)
"""Seconds between attempts to publish."""
STARTING: Final = ServiceState(phase=Phase.STARTING)
_NAMES: Final = {OwnOnion.IDENTITY: "the identity onion", OwnOnion.DEVICE: "the device onion"}


class OnionPublisher:
    """Publishes; `welcome` serves each stream that comes in, as a task of the group that `run` is given.

    `closed` is called when requests are accepted no more, and the identity onion is gone.
    """

    def __init__(
        self,
        context: TransportContext,
        *,
        welcome: Callable[[ByteStream, OwnOnion], Awaitable[None]],
        closed: Callable[[], None],
    ) -> None:
        self._context = context
        self._welcome = welcome
        self._closed = closed
        self._states: dict[OwnOnion, ServiceState] = {}
        self._told = STARTING

    async def run(self, tasks: TaskGroup) -> None:
        """Publish until cancelled."""
        async with anyio.create_task_group() as publishing:
            publishing.start_soon(self._publish_always, OwnOnion.DEVICE, tasks)
            while True:
                if self._context.accepts_requests:
                    await self._publish_while_accepted(tasks)
                else:
                    await self._context.requests_change()

    async def _publish_while_accepted(self, tasks: TaskGroup) -> None:
        async with anyio.create_task_group() as publishing:
            publishing.start_soon(self._publish_always, OwnOnion.IDENTITY, tasks)
            while self._context.accepts_requests:
                await self._context.requests_change()
            publishing.cancel_scope.cancel()
        self._states.pop(OwnOnion.IDENTITY, None)
        self._tell()
        self._closed()

    async def _publish_always(self, onion: OwnOnion, tasks: TaskGroup) -> None:
        failures = 0
        self._set(onion, STARTING)
        while True:
            try:
                service = await self._context.publish(
                    onion, PORT, on_state=lambda state: self._service_changed(onion, state)
                )
                failures = 0
                try:
                    while True:
                        tasks.start_soon(self._welcome, await service.accept(), onion)
                finally:
                    with anyio.CancelScope(shield=True):
                        await service.aclose()
            except ClosedResourceError:
                self._degrade(onion, "the published address was taken back")
            except NetworkUnavailable as error:
                self._degrade(onion, str(error))
            failures += 1
            await anyio.sleep(PUBLISHING.delay(failures))

    def _service_changed(self, onion: OwnOnion, state: ServiceState) -> None:
        # A service that stopped although we want it is handled where `accept` fails.
        if onion in self._states and state.phase is not Phase.STOPPED:
            self._set(onion, state)

    def _degrade(self, onion: OwnOnion, reason: str) -> None:
        self._set(onion, ServiceState(phase=Phase.DEGRADED, reason=reason, code="not-reachable"))

    def _set(self, onion: OwnOnion, state: ServiceState) -> None:
        self._states[onion] = state
        self._tell()

    def _tell(self) -> None:
        state = _together(self._states)
        if state != self._told:
            self._told = state
            self._context.state_changed(state)


def _together(states: dict[OwnOnion, ServiceState]) -> ServiceState:
    """Return the state that both have, or that of the one that is worse, and which it is."""
    if len(set(states.values())) == 1:
        return next(iter(states.values()))
    for phase in (Phase.DEGRADED, Phase.STARTING):
        for onion, state in states.items():
            if state.phase is phase:
                reason = f"{_NAMES[onion]}: {state.reason}" if state.reason else _NAMES[onion]
                return ServiceState(phase=phase, percent=state.percent, reason=reason, code=state.code)
    return ONLINE
