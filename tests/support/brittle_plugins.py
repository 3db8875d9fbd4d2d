"""Plugins that fail, and the failures to plant in them, for tests of what a failure ends."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import anyio
from anyio.abc import TaskStatus

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.frontend import App, FrontEnd
from balchat_host.api.transport import Latency, Outgoing, Transport
from balchat_host.api.types import PeerId, Route, ServiceState
from balchat_host.api.views import ServiceStatus
from balchat_host.runtime.plugin_setups import FrontEndSetup, TransportSetup
from tests.support.virtual_account import VirtualAccount

ORIGIN: Final = "balchat-brittle 0.3.0"
NAME: Final = "brittle"


class Broken(Exception):
    """A bug in a plugin."""


class Odd(BaseException):
    """Not even an Exception."""


def raising(error: BaseException) -> Callable[[], None]:
    """Return what raises an exception, whatever is asked for."""

    def fail() -> None:
        raise error

    return fail


FAILURES: Final[dict[str, Callable[[], None]]] = {
    "Broken": raising(Broken("of a person")),
    "SystemExit": sys.exit,
    "Odd": raising(Odd()),
    "Broken and Odd": raising(BaseExceptionGroup("two", [Odd(), ExceptionGroup("one", [Broken()])])),
    "NetworkUnavailable": raising(ExceptionGroup("one", [NetworkUnavailable(problem="", remedy=""), Broken()])),
    "TimeoutError": raising(TimeoutError()),
}
"""What a plugin may raise, by the types that are told of it."""


class Behaviour(Protocol):
    """What a brittle plugin does when it runs."""

    def __call__(self, *, task_status: TaskStatus[None]) -> Awaitable[None]: ...


async def fine(*, task_status: TaskStatus[None]) -> None:
    """Start, and do nothing until cancelled."""
    task_status.started()
    await anyio.sleep_forever()


class BrittleFrontEnd(FrontEnd):
    """Does what its behaviour does."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def run(self, app: App, *, task_status: TaskStatus[None]) -> None:
        del app
        await self._behaviour(task_status=task_status)


class BrittleTransport(Transport):
    """Does what its behaviour does, and has no way to anybody."""

    def __init__(self, behaviour: Behaviour = fine) -> None:
        self._behaviour = behaviour

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        await self._behaviour(task_status=task_status)

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        del peer
        return []

    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        del peer
        return []

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        del peer, routes, outgoing
        raise PeerUnreachable(problem="it has no ways")

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        del peer, device_id
        return False

    async def disconnect(self, peer: PeerId) -> None:
        del peer


KINDS: Final[dict[str, type[Any]]] = {
    "front end": BrittleFrontEnd,
    "transport": BrittleTransport,
    "storing transport": BrittleTransport,
}
"""The kinds of plugin of which an account may have many."""


def add(someone: VirtualAccount, kind: str, make: Callable[..., Any], *, name: str = NAME) -> None:
    """Enable one more plugin, before the others of its kind. `make` gets what the factory of its kind gets."""
    if kind == "front end":
        someone.front_ends.insert(0, FrontEndSetup(name=name, origin=ORIGIN, make=lambda _: make()))
    else:
        latency = Latency.INTERACTIVE if kind == "transport" else Latency.STORE_AND_FORWARD
        setup = TransportSetup(name=name, origin=ORIGIN, latency=latency, make=make)
        someone.transports = [setup, *someone.transports]


def state_of(status: ServiceStatus) -> ServiceState:
    """Return how the plugin is that was added."""
    return {**status.plugins, **status.transports}[NAME]
