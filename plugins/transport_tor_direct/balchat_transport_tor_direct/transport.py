"""The direct transport: dials, answers, keeps one connection for each peer, and says honestly how it is.

All wiring is here: `greeting` finds out who is at the other end, `rendezvous` decides which stream stands, `connection`
runs it. One task lives as long as each stream does, from the dial or the knock to its end.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

import anyio
import anyio.lowlevel
from anyio import ClosedResourceError
from anyio.abc import ByteStream, TaskGroup, TaskStatus

from balchat_host.api.errors import (
    BadInput,
    BalchatError,
    NetworkUnavailable,
    PeerUnreachable,
    ProtocolViolation,
)
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Outgoing, Transport, TransportHost
from balchat_host.api.types import STOPPED, PeerId, Phase, Route, ServiceState
from balchat_transport_tor_direct.connection import CLOSING_TIME, STREAM_ERRORS, Connection
from balchat_transport_tor_direct.faults import log_unforeseen
from balchat_transport_tor_direct.frames import CloseReason, FrameReader
from balchat_transport_tor_direct.greeting import close_frame, greet_acceptor, greet_dialler
from balchat_transport_tor_direct.limits import Doorway, Holdings
from balchat_transport_tor_direct.meeting import Attempt, Meeting
from balchat_transport_tor_direct.rendezvous import Do, Rendezvous
from balchat_transport_tor_direct.settings import DirectSettings

NAME: Final = "transport_tor_direct"
PORT: Final = 22524
"""The virtual port at which an account answers."""
FIRST_RETRY: Final = 1.0
LAST_RETRY: Final = 60.0
"""Seconds between attempts to publish: from the first to the last, doubling."""
_STARTING: Final = ServiceState(phase=Phase.STARTING)

Steps = Sequence[tuple[Do, Connection | None]]


class DirectTransport(Transport):
    """Carries envelopes from onion to onion."""

    def __init__(self, host: TransportHost, settings: DirectSettings) -> None:
        self._host = host
        self._settings = settings
        self._tasks: TaskGroup | None = None
        self._meetings: dict[PeerId, Meeting] = {}
        self._connections: set[Connection] = set()
        self._doorway = Doorway(most=settings.max_handshakes, seconds=settings.handshake_timeout)
        self._holdings: Holdings[Connection] = Holdings(settings.memory)

    # -- the contract

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        try:
            async with anyio.create_task_group() as self._tasks:
                self._host.state_changed(_STARTING)
                task_status.started()
                await self._answer_always(self._tasks)
        finally:
            self._tasks = None
            self._host.state_changed(STOPPED)

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        return [Route(transport=NAME, address=peer.octets)]

    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        # One address for everybody: it is the account's own, and whoever holds the chat code knows it.
        del peer
        return [Route(transport=NAME, address=self._host.identity.octets)]

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        self._check(peer, routes, outgoing)
        meeting = self._meeting(peer)
        meeting.senders += 1
        failures = meeting.failures
        try:
            async with meeting.turn:
                if meeting.failure and meeting.failures != failures and meeting.rendezvous.standing is None:
                    # The dial that we waited for, behind another sender, has failed: one dial for all of us.
                    raise _again(meeting.failure)
                connection = await self._connection(meeting)
                if not await connection.send(outgoing):
                    raise PeerUnreachable(problem="the connection ended")
        finally:
            meeting.senders -= 1
            self._forget_if_idle(meeting)

    def reachable(self, peer: PeerId) -> bool:
        meeting = self._meetings.get(peer)
        return meeting is not None and meeting.rendezvous.standing is not None

    async def disconnect(self, peer: PeerId) -> None:
        if meeting := self._meetings.get(peer):
            if meeting.attempt:
                meeting.attempt.error = PeerUnreachable(problem="it was disconnected")
            steps = meeting.rendezvous.disconnect()
            self._take(meeting, steps, reason=CloseReason.GOING_AWAY)
            if any(do is Do.END_STANDING for do, _ in steps):
                self._host.peer_changed(peer, reachable=False)
            self._forget_if_idle(meeting)
        await anyio.lowlevel.checkpoint()

    # -- answering

    async def _answer_always(self, tasks: TaskGroup) -> None:
        wait = FIRST_RETRY
        while True:
            try:
                service = await self._host.publish(PORT, on_state=self._service_changed)
                wait = FIRST_RETRY
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
            await anyio.sleep(wait)
            wait = min(2 * wait, LAST_RETRY)

    def _service_changed(self, state: ServiceState) -> None:
        # A service that stopped although we want it is handled where `accept` fails.
        if self._tasks is not None and state.phase is not Phase.STOPPED:
            self._host.state_changed(state)

    def _degrade(self, reason: str) -> None:
        self._host.state_changed(ServiceState(phase=Phase.DEGRADED, reason=reason))

    async def _welcome(self, stream: ByteStream) -> None:
        """Live with a stream that somebody dialled. Whatever it meets ends it, and nothing else."""
        try:
            await self._converse(stream)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is this stream's
            log_unforeseen("a stream that somebody opened", error)

    async def _converse(self, stream: ByteStream) -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(anyio.aclose_forcefully, stream)
            reader, found = FrameReader(), None
            try:
                with self._doorway.stand():
                    found = await greet_dialler(stream, reader, host=self._host)
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
            meeting = self._meeting(peer)
            try:
                self._take(meeting, meeting.rendezvous.offered(connection))
                if await connection.admitted():
                    await connection.run()
                else:
                    await _say(stream, CloseReason.REPLACED)
            finally:
                connection.give_up()

    def _make_room(self) -> bool:
        """Say whether one more stream may come in; where it must, end the one that is missed least."""
        if len(self._connections) < self._settings.max_streams:
            return True
        strangers = [connection for connection in self._connections if not connection.trusted]
        if not strangers:
            return False
        min(strangers, key=lambda connection: connection.useful_at).let_go(CloseReason.OVERLOADED)
        return True

    # -- dialling

    async def _connection(self, meeting: Meeting) -> Connection:
        """Give the connection that stands, dialling where none does. Raises PeerUnreachable or NetworkUnavailable."""
        if standing := meeting.rendezvous.standing:
            return standing
        if self._tasks is None:
            raise NetworkUnavailable(problem="the direct transport does not run", remedy="Start it first.")
        if meeting.rendezvous.dial():
            meeting.attempt = Attempt()
            self._tasks.start_soon(self._dial, meeting, meeting.attempt)
        attempt = meeting.attempt
        assert attempt is not None, "a dial runs where nothing stands"
        await attempt.done.wait()
        if standing := meeting.rendezvous.standing:
            return standing
        raise _again(attempt.error)

    async def _dial(self, meeting: Meeting, attempt: Attempt) -> None:
        """Dial, and live with the stream. Whatever it meets ends it, and nothing else."""
        try:
            await self._dial_and_converse(meeting, attempt)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is this stream's
            log_unforeseen("a stream that we opened", error)

    async def _dial_and_converse(self, meeting: Meeting, attempt: Attempt) -> None:
        async with AsyncExitStack() as stack:
            connection = None
            try:
                with attempt.scope:
                    connection = await self._reach(meeting, stack)
            except STREAM_ERRORS:
                attempt.error = PeerUnreachable(problem="the connection broke during the handshake")
            except (PeerUnreachable, NetworkUnavailable) as error:
                attempt.error = error
            except BaseException as error:  # noqa: BLE001  # whatever it is, it is this dial's
                log_unforeseen("a dial", error)
                attempt.error = PeerUnreachable(problem="our own program failed; its log names the kind of error")
            finally:
                if not attempt.abandoned:
                    self._dialled(meeting, attempt, connection)
            if connection:
                try:
                    if not attempt.abandoned:
                        await connection.run()
                finally:
                    connection.give_up()

    def _dialled(self, meeting: Meeting, attempt: Attempt, connection: Connection | None) -> None:
        meeting.attempt = None
        if connection is None:
            meeting.failures += 1
            meeting.failure = attempt.error
            self._take(meeting, meeting.rendezvous.dial_failed())
        else:
            self._take(meeting, meeting.rendezvous.dial_ready(connection))
        attempt.done.set()
        self._forget_if_idle(meeting)

    async def _reach(self, meeting: Meeting, stack: AsyncExitStack) -> Connection:
        stream = await self._host.dial(meeting.peer, PORT)
        stack.push_async_callback(anyio.aclose_forcefully, stream)
        reader = FrameReader()
        with anyio.move_on_after(self._settings.handshake_timeout):
            try:
                await greet_acceptor(
                    stream, reader, host=self._host, peer=meeting.peer, before_proof=meeting.rendezvous.prove
                )
            except ProtocolViolation as error:
                await _say(stream, CloseReason.VIOLATION)
                raise PeerUnreachable(problem=f"it broke the protocol: {error.fields['problem']}") from error
            return self._connect(stream, reader, meeting.peer, greeting=b"", trusted=True)
        raise PeerUnreachable(problem="it did not finish the handshake in time")

    # -- what stands

    def _connect(
        self, stream: ByteStream, reader: FrameReader, peer: PeerId, *, greeting: bytes, trusted: bool
    ) -> Connection:
        connection = Connection(
            stream,
            reader,
            peer=peer,
            host=self._host,
            settings=self._settings,
            holdings=self._holdings,
            greeting=greeting,
            trusted=trusted,
            on_over=self._over,
        )
        self._connections.add(connection)
        return connection

    def _take(self, meeting: Meeting, steps: Steps, *, reason: CloseReason = CloseReason.REPLACED) -> None:
        """Take the steps that the rendezvous decided on."""
        for do, connection in steps:
            match do, connection:
                case Do.ABANDON_DIAL, _:
                    if meeting.attempt:
                        meeting.attempt.abandon()
                        meeting.attempt = None
                case ((Do.ADMIT | Do.ESTABLISH), Connection()):
                    connection.decide(admitted=True)
                    self._host.peer_changed(meeting.peer, reachable=True)
                case Do.REJECT, Connection():
                    connection.decide(admitted=False)
                case Do.END_STANDING, Connection():
                    connection.let_go(reason)
                case Do.PROBE, Connection():
                    assert self._tasks is not None, "only a running transport is offered streams"
                    self._tasks.start_soon(self._probe, meeting, connection)
                case _:
                    pass

    async def _probe(self, meeting: Meeting, standing: Connection) -> None:
        """Find out whether the standing stream lives, while another one waits."""
        if meeting.probe:
            meeting.probe.cancel()
        with anyio.CancelScope() as meeting.probe:
            try:
                alive = await standing.probe(self._settings.probe_timeout)
            except BaseException as error:  # noqa: BLE001  # the stream that waits must not wait for ever
                log_unforeseen("asking whether a stream lives", error)
                alive = False
            if meeting.rendezvous.standing is standing:
                decide = meeting.rendezvous.probe_answered if alive else meeting.rendezvous.probe_failed
                self._take(meeting, decide())

    def _over(self, connection: Connection) -> None:
        """A connection has come to its end, or never came to stand."""
        self._connections.discard(connection)
        meeting = self._meeting(connection.peer)
        stood = meeting.rendezvous.standing is connection
        self._take(meeting, meeting.rendezvous.ended(connection))
        if stood and meeting.rendezvous.standing is None:
            self._host.peer_changed(connection.peer, reachable=False)
        self._forget_if_idle(meeting)

    def _meeting(self, peer: PeerId) -> Meeting:
        meeting = self._meetings.get(peer)
        if meeting is None:
            meeting = Meeting(peer, Rendezvous(ours_wins=self._host.identity < peer))
            self._meetings[peer] = meeting
        return meeting

    def _forget_if_idle(self, meeting: Meeting) -> None:
        if meeting.idle:
            self._meetings.pop(meeting.peer, None)

    def _check(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        for each in outgoing:
            if not 1 <= len(each.envelope) <= MAX_ENVELOPE_SIZE:
                problem = f"it has {len(each.envelope)} octets; 1 to {MAX_ENVELOPE_SIZE} can be sent"
                raise BadInput(what="An envelope", problem=problem)
        # A route comes from the contact. One address serves one peer: its own.
        if (NAME, peer.octets, None) not in [(each.transport, each.address, each.sealing_key) for each in routes]:
            raise PeerUnreachable(problem="the route that it gave is none of this transport")
        if peer == self._host.identity:
            raise PeerUnreachable(problem="it is this account itself")


def _again(error: BalchatError) -> BalchatError:
    """The same error for one more sender; an exception that is raised twice mixes up its tracebacks."""
    return type(error)(**error.fields)


async def _say(stream: ByteStream, reason: CloseReason) -> None:
    """Send a CLOSE to somebody who may not listen."""
    with anyio.move_on_after(CLOSING_TIME, shield=True):
        try:
            await stream.send(close_frame(reason))
        except STREAM_ERRORS:
            return
