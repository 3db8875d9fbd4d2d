"""The direct transport: dials, answers, keeps one connection for each peer, and reports its state.

All wiring is here: `greeting` finds out who is at the other end, `collision_resolver` decides which stream stands,
`connection` runs it. Each stream has one task, from the dial or the incoming connection to its end.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

import anyio
import anyio.lowlevel
from anyio import ClosedResourceError
from anyio.abc import ByteStream, TaskGroup, TaskStatus

from balchat_host.api.backoff import Backoff
from balchat_host.api.errors import (
    BadInput,
    BalchatError,
    NetworkUnavailable,
    PeerUnreachable,
    ProtocolViolation,
)
from balchat_host.api.failures import contain
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Outgoing, Transport, TransportContext
from balchat_host.api.types import STOPPED, OwnOnion, PeerId, Phase, Route, ServiceState
from balchat_transport_tor_direct.collision_resolver import CollisionResolver, Do
from balchat_transport_tor_direct.connection import CLOSING_TIME, STREAM_ERRORS, Connection
from balchat_transport_tor_direct.frames import CloseReason, FrameReader
from balchat_transport_tor_direct.greeting import close_frame, greet_acceptor, greet_dialler
from balchat_transport_tor_direct.limits import HandshakeLimiter, MemoryBudget
from balchat_transport_tor_direct.peer_state import Attempt, PeerState
from balchat_transport_tor_direct.settings import DirectSettings

NAME: Final = "transport_tor_direct"
PORT: Final = 22524
"""The virtual port at which an account answers."""
PUBLISHING: Final = Backoff(first=1.0, longest=60.0)
"""Seconds between attempts to publish."""
_STARTING: Final = ServiceState(phase=Phase.STARTING)

Steps = Sequence[tuple[Do, Connection | None]]


class DirectTransport(Transport):
    """Carries envelopes from onion to onion."""

    def __init__(self, context: TransportContext, settings: DirectSettings) -> None:
        self._context = context
        self._settings = settings
        self._tasks: TaskGroup | None = None
        self._has_run = False
        self._peer_states: dict[PeerId, PeerState] = {}
        self._connections: set[Connection] = set()
        self._handshakes = HandshakeLimiter(most=settings.max_handshakes, seconds=settings.handshake_timeout)
        self._memory: MemoryBudget[Connection] = MemoryBudget(settings.memory)

    # -- the contract

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        if self._has_run:
            raise RuntimeError("this transport has run already; make another one")
        self._has_run = True
        try:
            async with anyio.create_task_group() as self._tasks:
                self._context.state_changed(_STARTING)
                task_status.started()
                await self._answer_always(self._tasks)
        finally:
            self._tasks = None
            self._context.state_changed(STOPPED)

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        return [Route(transport=NAME, address=peer.octets)]

    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        # One address for everybody: it is the account's own, and whoever holds the chat code knows it.
        del peer
        return [Route(transport=NAME, address=self._context.identity.octets)]

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        self._check(peer, routes, outgoing)
        state = self._peer_state(peer)
        state.senders += 1
        failures = state.failures
        try:
            async with state.turn:
                if state.failure and state.failures != failures and state.resolver.standing is None:
                    # The dial that we waited for, behind another sender, has failed: one dial for all of us.
                    raise _again(state.failure)
                connection = await self._connection(state)
                if not await connection.send(outgoing):
                    raise PeerUnreachable(problem="the connection ended")
        finally:
            state.senders -= 1
            self._forget_if_idle(state)

    def reachable(self, peer: PeerId) -> bool:
        state = self._peer_states.get(peer)
        return state is not None and state.resolver.standing is not None

    async def disconnect(self, peer: PeerId) -> None:
        if state := self._peer_states.get(peer):
            if state.attempt:
                state.attempt.error = PeerUnreachable(problem="it was disconnected")
            steps = state.resolver.disconnect()
            self._take(state, steps, reason=CloseReason.GOING_AWAY)
            if any(do is Do.END_STANDING for do, _ in steps):
                self._context.peer_changed(peer, reachable=False)
            self._forget_if_idle(state)
        await anyio.lowlevel.checkpoint()

    # -- answering

    async def _answer_always(self, tasks: TaskGroup) -> None:
        failures = 0
        while True:
            try:
                service = await self._context.publish(OwnOnion.IDENTITY, PORT, on_state=self._service_changed)
                failures = 0
                try:
                    while True:
                        tasks.start_soon(self._welcome, await service.accept())
                finally:
                    with anyio.CancelScope(shield=True):
                        await service.aclose()
            except ClosedResourceError:
                self._degrade("the published address was taken back")
            except NetworkUnavailable as error:
                self._degrade(str(error))
            failures += 1
            await anyio.sleep(PUBLISHING.delay(failures))

    def _service_changed(self, state: ServiceState) -> None:
        # A service that stopped although we want it is handled where `accept` fails.
        if self._tasks is not None and state.phase is not Phase.STOPPED:
            self._context.state_changed(state)

    def _degrade(self, reason: str) -> None:
        self._context.state_changed(ServiceState(phase=Phase.DEGRADED, reason=reason))

    async def _welcome(self, stream: ByteStream) -> None:
        """Serve a stream that somebody else opened. A failure ends this stream only."""
        try:
            await self._converse(stream)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is this stream's
            contain("a stream that somebody opened", error)

    async def _converse(self, stream: ByteStream) -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(anyio.aclose_forcefully, stream)
            reader, found = FrameReader(), None
            try:
                with self._handshakes.slot():
                    found = await greet_dialler(stream, reader, context=self._context)
            except ProtocolViolation:
                await _say(stream, CloseReason.VIOLATION)
            except STREAM_ERRORS:
                return
            if found is None:
                return
            peer, greeting = found
            if not self._make_room():
                await _say(stream, CloseReason.OVERLOADED)
                return
            connection = self._connect(stream, reader, peer, greeting=greeting, trusted=False)
            state = self._peer_state(peer)
            try:
                self._take(state, state.resolver.offered(connection))
                if await connection.admitted():
                    await connection.run()
                else:
                    await _say(stream, CloseReason.REPLACED)
            finally:
                connection.give_up()

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

    async def _connection(self, state: PeerState) -> Connection:
        """Return the connection that stands, dialling where none does. Raises PeerUnreachable or NetworkUnavailable."""
        if standing := state.resolver.standing:
            return standing
        if self._tasks is None:
            raise NetworkUnavailable(problem="the direct transport does not run", remedy="Start it first.")
        if state.resolver.dial():
            state.attempt = Attempt()
            self._tasks.start_soon(self._dial, state, state.attempt)
        attempt = state.attempt
        assert attempt is not None, "a dial runs where nothing stands"
        await attempt.done.wait()
        if standing := state.resolver.standing:
            return standing
        raise _again(attempt.error)

    async def _dial(self, state: PeerState, attempt: Attempt) -> None:
        """Dial, and serve the stream. A failure ends this stream only."""
        try:
            await self._dial_and_converse(state, attempt)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is this stream's
            contain("a stream that we opened", error)

    async def _dial_and_converse(self, state: PeerState, attempt: Attempt) -> None:
        async with AsyncExitStack() as stack:
            connection = None
            try:
                with attempt.scope:
                    connection = await self._reach(state, stack)
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

    def _dialled(self, state: PeerState, attempt: Attempt, connection: Connection | None) -> None:
        state.attempt = None
        if connection is None:
            state.failures += 1
            state.failure = attempt.error
            self._take(state, state.resolver.dial_failed())
        else:
            self._take(state, state.resolver.dial_ready(connection))
        attempt.done.set()
        self._forget_if_idle(state)

    async def _reach(self, state: PeerState, stack: AsyncExitStack) -> Connection:
        stream = await self._context.dial(state.peer.identity_onion, PORT)
        stack.push_async_callback(anyio.aclose_forcefully, stream)
        reader = FrameReader()
        with anyio.move_on_after(self._settings.handshake_timeout):
            try:
                await greet_acceptor(
                    stream, reader, context=self._context, peer=state.peer, before_proof=state.resolver.prove
                )
            except ProtocolViolation as error:
                await _say(stream, CloseReason.VIOLATION)
                raise PeerUnreachable(problem=f"it broke the protocol: {error.fields['problem']}") from error
            return self._connect(stream, reader, state.peer, greeting=b"", trusted=True)
        raise PeerUnreachable(problem="it did not finish the handshake in time")

    # -- what stands

    def _connect(
        self, stream: ByteStream, reader: FrameReader, peer: PeerId, *, greeting: bytes, trusted: bool
    ) -> Connection:
        connection = Connection(
            stream,
            reader,
            peer=peer,
            context=self._context,
            settings=self._settings,
            memory=self._memory,
            greeting=greeting,
            trusted=trusted,
            on_over=self._over,
        )
        self._connections.add(connection)
        return connection

    def _take(self, state: PeerState, steps: Steps, *, reason: CloseReason = CloseReason.REPLACED) -> None:
        """Carry out the steps that the resolver decided on."""
        for do, connection in steps:
            match do, connection:
                case Do.ABANDON_DIAL, _:
                    if state.attempt:
                        state.attempt.abandon()
                        state.attempt = None
                case ((Do.ADMIT | Do.ESTABLISH), Connection()):
                    connection.decide(admitted=True)
                    self._context.peer_changed(state.peer, reachable=True)
                case Do.REJECT, Connection():
                    connection.decide(admitted=False)
                case Do.END_STANDING, Connection():
                    connection.let_go(reason)
                case Do.PROBE, Connection():
                    assert self._tasks is not None, "only a running transport is offered streams"
                    self._tasks.start_soon(self._probe, state, connection)
                case _:
                    pass

    async def _probe(self, state: PeerState, standing: Connection) -> None:
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
        state = self._peer_state(connection.peer)
        stood = state.resolver.standing is connection
        self._take(state, state.resolver.ended(connection))
        if stood and state.resolver.standing is None:
            self._context.peer_changed(connection.peer, reachable=False)
        self._forget_if_idle(state)

    def _peer_state(self, peer: PeerId) -> PeerState:
        state = self._peer_states.get(peer)
        if state is None:
            state = PeerState(peer, CollisionResolver(ours_wins=self._context.identity < peer))
            self._peer_states[peer] = state
        return state

    def _forget_if_idle(self, state: PeerState) -> None:
        if state.idle:
            self._peer_states.pop(state.peer, None)

    def _check(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        for each in outgoing:
            if not 1 <= len(each.envelope) <= MAX_ENVELOPE_SIZE:
                problem = f"it has {len(each.envelope)} octets; 1 to {MAX_ENVELOPE_SIZE} can be sent"
                raise BadInput(what="An envelope", problem=problem)
        # A route comes from the contact. One address serves one peer: its own.
        if (NAME, peer.octets, None) not in [(each.transport, each.address, each.sealing_key) for each in routes]:
            raise PeerUnreachable(problem="the route that it gave is none of this transport")
        if peer == self._context.identity:
            raise PeerUnreachable(problem="it is this account itself")


def _again(error: BalchatError) -> BalchatError:
    """Return a copy of an error for one more sender; an exception that is raised twice mixes up its tracebacks."""
    return type(error)(**error.fields)


async def _say(stream: ByteStream, reason: CloseReason) -> None:
    """Send a CLOSE to a peer that may not read it."""
    with anyio.move_on_after(CLOSING_TIME, shield=True):
        try:
            await stream.send(close_frame(reason))
        except STREAM_ERRORS:
            return
