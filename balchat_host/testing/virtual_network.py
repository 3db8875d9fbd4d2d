"""A network in memory: many nodes on one `VirtualNetwork`, and a hand that can cut, delay, break and refuse.

Rules
-----
- A node is a `Network` like any other: it must run before it dials or publishes, and it says honestly how it is.
- An address proves itself: only who gives the seed of a key can publish there.
- Nothing sleeps but on the event loop's clock, so trio's MockClock makes hours pass at once.
- Faults are set on the `VirtualNetwork` (between nodes) or on a `VirtualNode` (its own outage); what they do to
  streams, dials and states is what Tor would do.

    fault                       open streams                    new dials
    cut(a, b)                   fall silent, without a sign     wait, then PeerUnreachable
    break_streams(a, b)         BrokenResourceError             as before
    refuse(address)             as before                       PeerUnreachable at once
    node.go_offline(reason)     BrokenResourceError             wait, then NetworkUnavailable
    a node's run is cancelled   EndOfStream for the others      PeerUnreachable
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import anyio
import anyio.lowlevel
from anyio import TASK_STATUS_IGNORED
from anyio.abc import ByteStream, TaskGroup, TaskStatus
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.network import Network, PublishedService
from balchat_host.api.types import ONLINE, STOPPED, Check, OnionKey, Phase, Secret, ServiceState
from balchat_host.testing.incoming import DEFAULT_BACKLOG, Incoming
from balchat_host.testing.virtual_stream import DEFAULT_CAPACITY, VirtualStream

MAX_STREAMS: Final = 4096
"""Open streams on one virtual network: a test that leaks them fails instead of filling the memory."""
MAX_RECORDS: Final = 1024
_STARTING: Final = ServiceState(phase=Phase.STARTING, percent=0)


def onion_of(key: Secret) -> OnionKey:
    """Return the address that an Ed25519 seed of 32 octets makes (RFC 8032)."""
    return OnionKey(Ed25519PrivateKey.from_private_bytes(key.reveal()).public_key().public_bytes_raw())


def ignore_state(state: ServiceState) -> None:
    """Take a state and do nothing with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialRecord:
    """One dial, as the network saw it."""

    address: OnionKey
    port: int
    isolation: str


@dataclass(slots=True, kw_only=True)
class _Wire:
    """A stream between two nodes. A dial from outside has no node."""

    nodes: tuple["VirtualNode | None", "VirtualNode"]
    ends: tuple[VirtualStream, VirtualStream]

    @property
    def finished(self) -> bool:
        return self.ends[0].closed and self.ends[1].closed


class VirtualNetwork:
    """What all nodes share, and the hand that makes faults.

    `delay` gives the seconds that one write, one dial or one publication takes. `dial_timeout` is in seconds.
    `capacity` and `largest_piece` are octets (VirtualStream.pair).
    """

    def __init__(
        self,
        *,
        delay: Callable[[], float] = lambda: 0.0,
        dial_timeout: float = 60.0,
        backlog: int = DEFAULT_BACKLOG,
        capacity: int = DEFAULT_CAPACITY,
        largest_piece: int = DEFAULT_CAPACITY,
    ) -> None:
        self.delay = delay
        self.dial_timeout = dial_timeout
        self.backlog = backlog
        self.capacity = capacity
        self.largest_piece = largest_piece
        self.dials: deque[DialRecord] = deque(maxlen=MAX_RECORDS)
        self._services: dict[tuple[OnionKey, int], VirtualService] = {}
        self._wires: list[_Wire] = []
        self._cuts: set[frozenset[VirtualNode]] = set()
        self._refusals: dict[OnionKey, str] = {}
        self._changed = anyio.Event()

    def node(self, *, on_state: Callable[[ServiceState], None] = ignore_state, online: bool = True) -> "VirtualNode":
        """Make a node. One that is not `online` stays `starting` until `come_online`."""
        return VirtualNode(self, on_state=on_state, online=online)

    async def dial(self, address: OnionKey, port: int) -> VirtualStream:
        """Open a stream from outside, as a stranger with no node does. Raise PeerUnreachable."""
        return await self.connect(None, address, port)

    def answers_at(self, address: OnionKey, port: int) -> bool:
        """Return whether somebody can be found at `address`."""
        service = self._services.get((address, port))
        return service is not None and service.state.phase is Phase.ONLINE

    # -- faults

    def cut(self, one: "VirtualNode", other: "VirtualNode") -> None:
        """Let nothing pass between two nodes any more, without a sign."""
        self._cuts.add(frozenset((one, other)))
        self._hush(one, other, silent=True)

    def heal(self, one: "VirtualNode", other: "VirtualNode") -> None:
        """Undo `cut`; what was on its way arrives."""
        self._cuts.discard(frozenset((one, other)))
        self._hush(one, other, silent=False)
        self.notify()

    def break_streams(self, one: "VirtualNode", other: "VirtualNode") -> None:
        """Break every stream between two nodes, at once and noticeably."""
        for wire in self._between(one, other):
            wire.ends[0].tear()

    def refuse(self, address: OnionKey, problem: str = "it refuses") -> None:
        """Let every dial to `address` fail at once."""
        self._refusals[address] = problem

    def accept_again(self, address: OnionKey) -> None:
        """Undo `refuse`."""
        self._refusals.pop(address, None)

    def streams_between(self, one: "VirtualNode", other: "VirtualNode") -> int:
        """Count the streams that stand: neither end was closed."""
        return sum(1 for wire in self._between(one, other) if not (wire.ends[0].closed or wire.ends[1].closed))

    def open_ends(self, node: "VirtualNode") -> int:
        """Count the streams that a node has not closed on its side."""
        ends = [(end, owner) for wire in self._live() for end, owner in zip(wire.ends, wire.nodes, strict=True)]
        return sum(1 for end, owner in ends if owner is node and not end.closed)

    # -- for the nodes

    def notify(self) -> None:
        """Wake every dial that waits for something to change."""
        self._changed.set()
        self._changed = anyio.Event()

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until a change makes `condition` true."""
        while not condition():
            await self._changed.wait()

    def add(self, service: "VirtualService") -> None:
        """Answer at an address. Whoever comes later takes it over, as the newest onion descriptor does."""
        self._services[service.address, service.port] = service

    def remove(self, service: "VirtualService") -> None:
        """Take an address back, unless another one took it over."""
        if self._services.get((service.address, service.port)) is service:
            del self._services[service.address, service.port]

    async def connect(self, node: "VirtualNode | None", address: OnionKey, port: int) -> VirtualStream:
        """Connect `node`, or somebody outside, to whoever answers; wait while they are cut off from each other.

        Raise PeerUnreachable.
        """
        await anyio.sleep(self.delay())
        if address in self._refusals:
            raise PeerUnreachable(problem=self._refusals[address])
        service = self._services.get((address, port))
        if service is None:
            raise PeerUnreachable(problem="nobody answers at its address")
        await self.wait_for(lambda: not self._is_cut(node, service.node) and service.state.phase is Phase.ONLINE)
        if service.incoming.full:
            raise PeerUnreachable(problem="it turns streams away")
        if len(self._live()) >= MAX_STREAMS:
            raise RuntimeError(f"more than {MAX_STREAMS} streams are open on one virtual network")
        ours, theirs = VirtualStream.pair(capacity=self.capacity, delay=self.delay, largest_piece=self.largest_piece)
        self._wires.append(_Wire(nodes=(node, service.node), ends=(ours, theirs)))
        service.incoming.put(theirs)
        return ours

    def end_streams_of(self, node: "VirtualNode", *, torn: bool) -> None:
        """End every stream of `node`: torn, or closed on its side."""
        for wire in self._live():
            for end, owner in zip(wire.ends, wire.nodes, strict=True):
                if owner is node:
                    if torn:
                        end.tear()
                    else:
                        end.close()

    def _live(self) -> list[_Wire]:
        self._wires = [wire for wire in self._wires if not wire.finished]
        return self._wires

    def _between(self, one: "VirtualNode", other: "VirtualNode") -> list[_Wire]:
        return [wire for wire in self._live() if set(wire.nodes) == {one, other}]

    def _is_cut(self, one: "VirtualNode | None", other: "VirtualNode") -> bool:
        return frozenset((one, other)) in self._cuts

    def _hush(self, one: "VirtualNode", other: "VirtualNode", *, silent: bool) -> None:
        for wire in self._between(one, other):
            wire.ends[0].hush(silent=silent)


class VirtualNode(Network):
    """One node of a virtual network. Made by `VirtualNetwork.node`."""

    def __init__(self, world: VirtualNetwork, *, on_state: Callable[[ServiceState], None], online: bool) -> None:
        self._world = world
        self._on_state = on_state
        self._wanted = ONLINE if online else _STARTING
        self._state = STOPPED
        self.services: list[VirtualService] = []
        """What it publishes."""
        self._tasks: TaskGroup | None = None

    @property
    def state(self) -> ServiceState:
        return self._state

    async def run(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        try:
            async with anyio.create_task_group() as self._tasks:
                self._become(_STARTING)
                task_status.started()
                self._become(self._wanted)
                await anyio.sleep_forever()
        finally:
            self._tasks = None
            for service in tuple(self.services):
                service.close()
            self._world.end_streams_of(self, torn=False)
            self._become(STOPPED)

    async def publish(self, key: Secret, port: int, *, on_state: Callable[[ServiceState], None]) -> "VirtualService":
        tasks = self._running()
        service = VirtualService(self, onion_of(key), port, backlog=self._world.backlog, on_state=on_state)
        self.services.append(service)
        self._world.add(service)
        tasks.start_soon(self._announce, service)
        return service

    async def dial(self, address: OnionKey, port: int, *, isolation: str) -> ByteStream:
        self._running()
        self._world.dials.append(DialRecord(address=address, port=port, isolation=isolation))
        with anyio.move_on_after(self._world.dial_timeout):
            await self._world.wait_for(lambda: self._state.phase is Phase.ONLINE)
            return await self._world.connect(self, address, port)
        if self._state.phase is Phase.ONLINE:
            raise PeerUnreachable(problem="it did not answer in time")
        raise NetworkUnavailable(problem="it is not online", remedy="Wait until it is.")

    async def checks(self) -> Sequence[Check]:
        return [Check(name="virtual network", finding=f"in memory, {self._state}")]

    def go_offline(self, reason: str = "the virtual network was taken away") -> None:
        """Lose the network: streams break, services cannot be found, dials wait."""
        self._wanted = ServiceState(phase=Phase.DEGRADED, reason=reason)
        self._become(self._wanted)
        self._world.end_streams_of(self, torn=True)

    def come_online(self) -> None:
        """Get the network back, or for the first time."""
        self._wanted = ONLINE
        self._become(ONLINE)
        if self._tasks is not None:
            for service in self.services:
                self._tasks.start_soon(self._announce, service)

    def withdraw(self, service: "VirtualService") -> None:
        """Forget a service that was closed."""
        self.services.remove(service)
        self._world.remove(service)

    async def _announce(self, service: "VirtualService") -> None:
        await anyio.sleep(self._world.delay())
        if self._state.phase is Phase.ONLINE and service in self.services:
            service.become(ONLINE)
            self._world.notify()

    def _become(self, state: ServiceState) -> None:
        if self._tasks is None and state.phase is not Phase.STOPPED:
            return
        self._state = state
        self._on_state(state)
        if state.phase is Phase.DEGRADED:
            for service in self.services:
                service.become(state)
        self._world.notify()

    def _running(self) -> TaskGroup:
        if self._tasks is None:
            raise NetworkUnavailable(problem="it is not running", remedy="Start it first.")
        return self._tasks


class VirtualService(PublishedService):
    """An address on a virtual network. Made by `VirtualNode.publish`."""

    def __init__(
        self,
        node: VirtualNode,
        address: OnionKey,
        port: int,
        *,
        backlog: int,
        on_state: Callable[[ServiceState], None],
    ) -> None:
        self.node = node
        self.address = address
        self.port = port
        self.incoming: Incoming[VirtualStream] = Incoming(backlog)
        self._on_state = on_state
        self._state = STOPPED
        self.become(_STARTING)

    @property
    def state(self) -> ServiceState:
        return self._state

    async def accept(self) -> ByteStream:
        return await self.incoming.get()

    async def aclose(self) -> None:
        self.close()
        await anyio.lowlevel.checkpoint()

    def close(self) -> None:
        """Take the address back without waiting."""
        if self._state is STOPPED:
            return
        self.node.withdraw(self)
        for stream in self.incoming.close():
            stream.close()
        self.become(STOPPED)

    def become(self, state: ServiceState) -> None:
        """Take on a state and tell whoever asked to know."""
        self._state = state
        self._on_state(state)
