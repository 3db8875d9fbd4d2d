"""The direct transport: dials, answers, and keeps one connection for each device.

All wiring is here: `publishing` keeps our two onions published, `greeting` finds out who is at the other end,
`collision_resolver` decides which stream stands, `connection` runs it. Each stream has one task, from the dial or the
incoming connection to its end.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream, TaskGroup, TaskStatus

from balchat_host.api.errors import (
    BadInput,
    BalchatError,
    NetworkUnavailable,
    PeerUnreachable,
    ProtocolViolation,
)
from balchat_host.api.failures import contain
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Outgoing, Transport, TransportContext
from balchat_host.api.types import STOPPED, DeviceIdentity, OnionKey, OwnOnion, PeerId, Route
from balchat_transport_tor_direct.bulk_streams import BulkStreams
from balchat_transport_tor_direct.collision_resolver import Do
from balchat_transport_tor_direct.connection import Connection
from balchat_transport_tor_direct.device_route import Destination, RouteReader, identity_route, own_route
from balchat_transport_tor_direct.device_state import Attempt, DeviceState
from balchat_transport_tor_direct.device_states import DeviceStates
from balchat_transport_tor_direct.frames import CloseReason, FrameReader
from balchat_transport_tor_direct.greeting import STREAM_ERRORS, greet_acceptor, greet_dialler, say
from balchat_transport_tor_direct.handshake import Purpose
from balchat_transport_tor_direct.limits import HandshakeLimiter, MemoryBudget
from balchat_transport_tor_direct.publishing import PORT, STARTING, OnionPublisher
from balchat_transport_tor_direct.settings import DirectSettings

_ANOTHER_DEVICE: Final = "another device of theirs answers there"

Steps = Sequence[tuple[Do, Connection | None]]


class DirectTransport(Transport):
    """Carries envelopes from onion to onion."""

    def __init__(self, context: TransportContext, settings: DirectSettings) -> None:
        self._context = context
        self._settings = settings
        self._tasks: TaskGroup | None = None
        self._has_run = False
        self._states = DeviceStates()
        self._connections: set[Connection] = set()
        # A flood at one onion keeps nobody out at the other.
        self._handshakes = {
            onion: HandshakeLimiter(most=settings.max_handshakes, seconds=settings.handshake_timeout)
            for onion in OwnOnion
        }
        self._routes = RouteReader(context)
        self._own_route: Route | None = None
        self._publisher = OnionPublisher(context, welcome=self._welcome, closed=self._end_strangers)
        self._memory: MemoryBudget[Connection] = MemoryBudget(settings.memory)
        self._bulk = BulkStreams(context, settings)

    # -- the contract

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        if self._has_run:
            raise RuntimeError("this transport has run already; make another one")
        self._has_run = True
        try:
            async with anyio.create_task_group() as self._tasks:
                self._context.state_changed(STARTING)
                task_status.started()
                await self._publisher.run(self._tasks)
        finally:
            self._tasks = None
            with anyio.CancelScope(shield=True):
                await self._bulk.end()
            self._context.state_changed(STOPPED)

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        return [identity_route(peer)]

    def onion_of(self, peer: PeerId, route: Route) -> OnionKey | None:
        destination = self._routes.read(peer, route)
        return None if destination is None else destination.onion

    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        # One address for every contact: the device onion.
        del peer
        if self._own_route is None:
            self._own_route = await own_route(self._context)
        return [self._own_route]

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        destination = self._check(peer, routes, outgoing)
        state = self._state(peer, destination.device_id)
        state.senders += 1
        failures, standing = state.failures, state.resolver.standing
        try:
            async with state.turn:
                if outgoing and standing is not None and state.resolver.standing is not standing:
                    # These were meant for it. On another connection they would overtake what was lost with it.
                    raise PeerUnreachable(problem="the connection ended")
                if state.failure and state.failures != failures and state.resolver.standing is None:
                    # The dial that we waited for, behind another sender, has failed: one dial for all of us.
                    raise _again(state.failure)
                connection = await self._connection(state, destination)
                if destination.device_id not in (None, connection.device.device_id):
                    raise PeerUnreachable(problem=_ANOTHER_DEVICE)
                if not await connection.send(outgoing):
                    raise PeerUnreachable(problem="the connection ended")
        finally:
            state.senders -= 1
            self._states.forget_if_idle(state)

    async def open_bulk(self, peer: PeerId, routes: Sequence[Route]) -> ByteStream:
        if self._tasks is None:
            raise _does_not_run()
        return await self._bulk.open(peer, self._destination(peer, routes))

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        state = self._states.find(peer, device_id)
        return state is not None and state.resolver.standing is not None

    async def disconnect(self, peer: PeerId) -> None:
        for state in self._states.of(peer):
            if state.attempt:
                state.attempt.error = PeerUnreachable(problem="it was disconnected")
            standing = state.resolver.standing
            self._take(state, state.resolver.disconnect(), reason=CloseReason.GOING_AWAY)
            if standing:
                self._context.peer_changed(standing.device, reachable=False)
            self._states.forget_if_idle(state)
        await self._bulk.disconnect(peer)
        await anyio.lowlevel.checkpoint()

    # -- answering

    async def _welcome(self, stream: ByteStream, onion: OwnOnion) -> None:
        """Serve a stream that somebody else opened. A failure ends this stream only."""
        try:
            await self._converse(stream, onion)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is this stream's
            contain("a stream that somebody opened", error)

    async def _converse(self, stream: ByteStream, onion: OwnOnion) -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(anyio.aclose_forcefully, stream)
            reader, dialled, is_contact = FrameReader(), None, False
            try:
                with self._handshakes[onion].slot():
                    key = await self._context.onion_key(onion)
                    proven = await greet_dialler(stream, reader, context=self._context, onion=key)
                    is_contact = proven is not None and await self._context.is_contact(proven.device.peer)
                    dialled = proven
            except ProtocolViolation:
                await say(stream, CloseReason.VIOLATION)
            except STREAM_ERRORS:
                return
            if dialled is None:
                return
            device, greeting = dialled.device, dialled.ready
            if not is_contact and (onion is OwnOnion.DEVICE or not self._context.accepts_requests):
                await say(stream, CloseReason.GOING_AWAY)
                return
            if dialled.purpose is Purpose.BULK:
                await self._bulk.serve(stream, reader, dialled)
                return
            if not self._make_room():
                await say(stream, CloseReason.OVERLOADED)
                return
            connection = self._connect(stream, reader, device, greeting=greeting, trusted=False, is_contact=is_contact)
            state = self._state(device.peer, device.device_id)
            state.device_id = device.device_id
            try:
                self._take(state, state.resolver.offered(connection))
                if await connection.admitted():
                    if is_contact and onion is OwnOnion.IDENTITY:
                        self._context.routes_lost(device.peer)
                    await connection.run()
                else:
                    await say(stream, CloseReason.REPLACED)
            finally:
                connection.give_up()

    def _end_strangers(self) -> None:
        """End what strangers opened: requests are accepted no more."""
        for connection in tuple(self._connections):
            if not connection.is_contact:
                connection.let_go(CloseReason.GOING_AWAY)

    def _make_room(self) -> bool:
        """Return whether one more stream may come in; close the least useful one of a stranger to make room."""
        if len(self._connections) < self._settings.max_streams:
            return True
        strangers = [connection for connection in self._connections if not connection.trusted]
        if not strangers:
            return False
        min(strangers, key=lambda connection: connection.useful_at).let_go(CloseReason.OVERLOADED)
        return True

    # -- dialling

    async def _connection(self, state: DeviceState, destination: Destination) -> Connection:
        """Return the connection that stands, dialling where none does. Raise PeerUnreachable or NetworkUnavailable."""
        if standing := state.resolver.standing:
            return standing
        if self._tasks is None:
            raise _does_not_run()
        if state.resolver.dial():
            state.attempt = Attempt()
            self._tasks.start_soon(self._dial, state, destination, state.attempt)
        attempt = state.attempt
        assert attempt is not None, "a dial runs where nothing stands"
        await attempt.done.wait()
        if standing := state.resolver.standing:
            return standing
        raise _again(attempt.error)

    async def _dial(self, state: DeviceState, destination: Destination, attempt: Attempt) -> None:
        """Dial, and serve the stream. A failure ends this stream only."""
        try:
            await self._dial_and_converse(state, destination, attempt)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is this stream's
            contain("a stream that we opened", error)

    async def _dial_and_converse(self, state: DeviceState, destination: Destination, attempt: Attempt) -> None:
        async with AsyncExitStack() as stack:
            connection = None
            try:
                with attempt.scope:
                    connection = await self._reach(state, destination, stack)
            except STREAM_ERRORS:
                attempt.error = PeerUnreachable(problem="the connection broke during the handshake")
            except (PeerUnreachable, NetworkUnavailable) as error:
                attempt.error = error
            except BaseException as error:  # noqa: BLE001  # whatever it is, it is this dial's
                contain("a dial", error)
                attempt.error = PeerUnreachable(problem="our own program failed; its log names the kind of error")
            finally:
                if not attempt.abandoned:
                    self._dialled(state, attempt, connection)
            if connection:
                try:
                    if not attempt.abandoned:
                        await connection.run()
                finally:
                    connection.give_up()

    def _dialled(self, state: DeviceState, attempt: Attempt, connection: Connection | None) -> None:
        state.attempt = None
        if connection is None:
            state.failures += 1
            state.failure = attempt.error
            self._take(state, state.resolver.dial_failed())
        else:
            self._take(state, state.resolver.dial_ready(connection))
        attempt.done.set()
        self._states.forget_if_idle(state)

    async def _reach(self, state: DeviceState, destination: Destination, stack: AsyncExitStack) -> Connection:
        stream = await self._context.dial(destination.onion, PORT)
        stack.push_async_callback(anyio.aclose_forcefully, stream)
        reader = FrameReader()

        def before_proof(device: DeviceIdentity) -> None:
            if state.device_id not in (None, device.device_id):
                raise PeerUnreachable(problem=_ANOTHER_DEVICE)
            state.device_id = device.device_id
            state.resolver.prove()

        with anyio.move_on_after(self._settings.handshake_timeout):
            try:
                device = await greet_acceptor(
                    stream,
                    reader,
                    context=self._context,
                    peer=state.peer,
                    destination=destination,
                    before_proof=before_proof,
                )
            except ProtocolViolation as error:
                await say(stream, CloseReason.VIOLATION)
                raise PeerUnreachable(problem=f"it broke the protocol: {error.fields['problem']}") from error
            return self._connect(stream, reader, device, greeting=b"", trusted=True, is_contact=True)
        raise PeerUnreachable(problem="it did not finish the handshake in time")

    # -- what stands

    def _connect(
        self,
        stream: ByteStream,
        reader: FrameReader,
        device: DeviceIdentity,
        *,
        greeting: bytes,
        trusted: bool,
        is_contact: bool,
    ) -> Connection:
        connection = Connection(
            stream,
            reader,
            device=device,
            is_contact=is_contact,
            context=self._context,
            settings=self._settings,
            memory=self._memory,
            greeting=greeting,
            trusted=trusted,
            on_over=self._over,
        )
        self._connections.add(connection)
        return connection

    def _take(self, state: DeviceState, steps: Steps, *, reason: CloseReason = CloseReason.REPLACED) -> None:
        """Carry out the steps that the resolver decided on."""
        for do, connection in steps:
            match do, connection:
                case Do.ABANDON_DIAL, _:
                    if state.attempt:
                        state.attempt.abandon()
                        state.attempt = None
                case ((Do.ADMIT | Do.ESTABLISH), Connection()):
                    connection.decide(admitted=True)
                    self._context.peer_changed(connection.device, reachable=True)
                case Do.REJECT, Connection():
                    connection.decide(admitted=False)
                case Do.END_STANDING, Connection():
                    connection.let_go(reason)
                case Do.PROBE, Connection():
                    assert self._tasks is not None, "only a running transport is offered streams"
                    self._tasks.start_soon(self._probe, state, connection)
                case _:
                    pass

    async def _probe(self, state: DeviceState, standing: Connection) -> None:
        """Find out whether the standing stream is alive, while another one waits."""
        if state.probe:
            state.probe.cancel()
        with anyio.CancelScope() as state.probe:
            try:
                alive = await standing.probe(self._settings.probe_timeout)
            except BaseException as error:  # noqa: BLE001  # the stream that waits must not wait for ever
                contain("asking whether a stream lives", error)
                alive = False
            if state.resolver.standing is standing:
                decide = state.resolver.probe_answered if alive else state.resolver.probe_failed
                self._take(state, decide())

    def _over(self, connection: Connection) -> None:
        """Note that a connection has ended, or was never accepted."""
        self._connections.discard(connection)
        state = self._state(connection.device.peer, connection.device.device_id)
        stood = state.resolver.standing is connection
        self._take(state, state.resolver.ended(connection))
        if stood and state.resolver.standing is None:
            self._context.peer_changed(connection.device, reachable=False)
        self._states.forget_if_idle(state)

    def _state(self, peer: PeerId, device_id: bytes | None) -> DeviceState:
        return self._states.get(peer, device_id, ours_wins=self._context.identity < peer)

    def _check(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> Destination:
        """Return where to dial: the first of the routes that is one of ours. They come from the contact."""
        for each in outgoing:
            if not 1 <= len(each.envelope) <= MAX_ENVELOPE_SIZE:
                problem = f"it has {len(each.envelope)} octets; 1 to {MAX_ENVELOPE_SIZE} can be sent"
                raise BadInput(what="An envelope", problem=problem)
        return self._destination(peer, routes)

    def _destination(self, peer: PeerId, routes: Sequence[Route]) -> Destination:
        """Return where the first of the routes leads that is one of ours. Raise PeerUnreachable."""
        if peer == self._context.identity:
            raise PeerUnreachable(problem="it is this account itself")
        for route in routes:
            if destination := self._routes.read(peer, route):
                return destination
        raise PeerUnreachable(problem="the route that it gave is none of this transport")


def _does_not_run() -> NetworkUnavailable:
    return NetworkUnavailable(problem="the direct transport does not run", remedy="Start it first.")


def _again(error: BalchatError) -> BalchatError:
    """Return a copy of an error for one more sender; an exception that is raised twice mixes up its tracebacks."""
    return type(error)(**error.fields)
