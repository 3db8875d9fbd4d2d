"""Runs a link over its stream: a thin shell of four tasks around `Link`.

    reader      stream → link → reports to the host; never waits for anything but the stream (and its allowance)
    writer      link → stream; the only one who writes
    committer   envelopes that arrived → host → answers; collects what comes meanwhile into the next batch
    watcher     the link's deadlines

A connection is over at one moment (`_over`): then every open envelope is reported lost and the transport is told. What
arrived whole before that is still handed to the host, unless the peer broke the protocol or was let go.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import anyio
from anyio.abc import ByteStream

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BalchatError, ProtocolViolation
from balchat_host.api.failures import contain
from balchat_host.api.transport import Disposition, Outcome, Outgoing, SendReport, TransportContext, Verdict
from balchat_host.api.types import DeviceIdentity
from balchat_transport_tor_direct.faults import LocalMisuse
from balchat_transport_tor_direct.frames import CloseReason, FrameReader
from balchat_transport_tor_direct.greeting import CLOSING_TIME, READ_SIZE, STREAM_ERRORS
from balchat_transport_tor_direct.in_turn import InTurn
from balchat_transport_tor_direct.inbound import Arrival
from balchat_transport_tor_direct.limits import Allowance, MemoryBudget
from balchat_transport_tor_direct.link import Answered, Arrived, Closed, Link, LinkState, Ponged
from balchat_transport_tor_direct.settings import DirectSettings

WRITE_SIZE: Final = 65_536
MOST_BACKLOG: Final = 1024 * 1024
"""Octets of answers and replies that may wait for a peer before no more of its envelopes are handed on."""


class Connection:
    """One proven stream with a device. `greeting` is what goes before the first frame: READY, or nothing.

    `is_contact`: whether it was a contact's when it came in, or we dialled it.
    """

    def __init__(
        self,
        stream: ByteStream,
        reader: FrameReader,
        *,
        device: DeviceIdentity,
        is_contact: bool,
        context: TransportContext,
        settings: DirectSettings,
        memory: MemoryBudget["Connection"],
        greeting: bytes,
        trusted: bool,
        on_over: Callable[["Connection"], None],
    ) -> None:
        now = anyio.current_time()
        self.device = device
        self.is_contact = is_contact
        self.trusted = trusted
        self.over = False
        self.useful_at = now
        """When it was last trusted again."""
        self._stream = stream
        self._context = context
        self._settings = settings
        self._memory = memory
        self._greeting = greeting
        self._on_over = on_over
        self._link = Link(settings, reader, now)
        self._frames = Allowance(settings.frames_per_second, now, at_once=settings.frames_per_second)
        self._octets = Allowance(settings.octets_per_second, now, at_once=settings.octets_per_second)
        self._envelopes = Allowance(settings.stranger_envelopes_per_second, now, at_once=settings.stranger_envelopes)
        self._scope = anyio.CancelScope()
        self._due = float("inf")
        self._writing = False
        self._discard = False
        self._in_turn = InTurn(context.report)
        self._committing = 0
        self._write_now, self._commit_now, self._look_at_clock = Bell(), Bell(), Bell()
        self._room, self._drained, self._trust_changed = Bell(), Bell(), Bell()
        self._pong = Bell()
        self._pong_token = 0
        self._decided = anyio.Event()
        self._shall_stand = False

    # -- what the transport asks

    async def send(self, outgoing: Sequence[Outgoing]) -> bool:
        """Take envelopes in order, waiting for room. False when the connection was over before it took any."""
        accepted = 0
        try:
            for each in outgoing:
                while not self.over and not self._link.has_room(each.envelope):
                    self._stir()
                    await self._room.wait()
                if self.over:
                    break
                self._link.submit(each.ticket, each.envelope, anyio.current_time())
                accepted += 1
        finally:
            self._trust()
            self._stir()
            if accepted:
                self._report([SendReport(ticket=each.ticket, outcome=Outcome.LOST) for each in outgoing[accepted:]])
        return accepted > 0 or not self.over

    async def probe(self, seconds: float) -> bool:
        """Return whether the peer answers a PING within `seconds`."""
        token = self._link.probe(anyio.current_time())
        self._stir()
        with anyio.move_on_after(seconds):
            while not self.over and self._pong_token < token:
                await self._pong.wait()
        return self._pong_token >= token

    def let_go(self, reason: CloseReason) -> None:
        """End it from our side. Unless it was replaced, what was not yet handed to the host is dropped."""
        self._discard = self._discard or reason is not CloseReason.REPLACED
        if not self.over:
            self._begin_to_close(self._link.close(reason))

    def decide(self, *, admitted: bool) -> None:
        """Say once whether it stands."""
        if not self._decided.is_set():
            self._shall_stand = admitted
            self._decided.set()

    # -- its life

    async def admitted(self) -> bool:
        """Wait until it is decided whether it stands. A peer that speaks or goes meanwhile has decided itself."""
        if not self._decided.is_set():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._wait_for_a_sign)
                await self._decided.wait()
                tasks.cancel_scope.cancel()
        return self._shall_stand

    async def _wait_for_a_sign(self) -> None:
        with suppress(*STREAM_ERRORS):
            await self._stream.receive(1)
        self.decide(admitted=False)

    def give_up(self) -> None:
        """End it without a word, if it has not ended yet."""
        self._over(self._link.end())

    async def run(self) -> None:
        """Converse until the stream ends, is let go, or the task is cancelled; then close it."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._commit)
            try:
                with self._scope:
                    async with anyio.create_task_group() as conversation:
                        conversation.start_soon(self._write)
                        conversation.start_soon(self._watch)
                        await self._read()
            finally:
                self._over(self._link.close(CloseReason.GOING_AWAY))
                await self._hang_up()
                for bell in (self._commit_now, self._drained, self._trust_changed):
                    bell.ring()

    async def _read(self) -> None:
        """Read until the stream ends, or until CLOSE is all that is left to write."""
        octets, now = b"", anyio.current_time()
        frames = self._link.frames
        try:
            while True:
                # What came right behind the handshake is in the link already.
                self._take_events()
                self._note_held()
                self._stir()
                pause = max(self._frames.spend(self._link.frames - frames, now), self._octets.spend(len(octets), now))
                if pause:
                    await anyio.sleep(pause)
                frames = self._link.frames
                octets = await self._stream.receive(READ_SIZE)
                now = anyio.current_time()
                self._link.feed(octets, now)
        except ProtocolViolation:
            self.let_go(CloseReason.VIOLATION)
        except STREAM_ERRORS:
            self._hung_up()

    def _take_events(self) -> None:
        while event := self._link.next_event():
            match event:
                case Answered(reports):
                    self._in_turn.answered(reports, arrived=self._link.arrived)
                    self._room.ring()
                case Arrived():
                    self._commit_now.ring()
                case Ponged(token):
                    self._pong_token = token
                    self._pong.ring()
                case Closed():
                    self._hung_up()

    async def _write(self) -> None:
        while True:
            output = self._link.output(WRITE_SIZE)
            if octets := self._greeting + output.octets:
                self._greeting = b""
                self._writing = True
                try:
                    await self._stream.send(octets)
                except STREAM_ERRORS:
                    self._hung_up()
                    return
                self._writing = False
                self._report(self._link.left(output, anyio.current_time()))
                self._drained.ring()
            elif self._link.state is LinkState.OPEN:
                await self._write_now.wait()
            else:
                self._scope.cancel()
                return

    async def _watch(self) -> None:
        while self._link.state is LinkState.OPEN:
            self._due = self._link.deadline()
            with anyio.move_on_at(self._due):
                await self._look_at_clock.wait()
            now = anyio.current_time()
            if now >= self._link.deadline():
                reports = self._link.tick(now)
                if self._link.state is LinkState.OPEN:
                    self._report(reports)
                    self._room.ring()
                    self._write_now.ring()
                else:
                    self._begin_to_close(reports)

    async def _commit(self) -> None:
        limits = self._settings
        try:
            while True:
                most = limits.batch_envelopes if self.trusted else limits.stranger_envelopes
                batch = self._link.take_batch(envelopes=most, octets=limits.batch_octets)
                if batch and not self._discard:
                    await self._hand_on(batch)
                    # A stranger that has left does not make us work off a window full at a stranger's pace.
                    self._discard = self._discard or (self.over and not self.trusted)
                elif self.over:
                    break
                else:
                    await self._commit_now.wait()
        finally:
            self._in_turn.end()
            self._memory.note(self, 0)

    async def _hand_on(self, batch: Sequence[Arrival]) -> None:
        self._committing = sum(len(arrival.envelope) for arrival in batch)
        self._write_now.ring()
        try:
            dispositions = await self._dispositions(batch)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is this stream's
            if not isinstance(error, BalchatError):
                contain("taking in what came over a stream", error)
            # A full disk, say. Nothing was promised to the peer, who keeps all of it.
            self.let_go(CloseReason.OVERLOADED)
            return
        finally:
            self._committing = 0
        self._link.answer(batch, dispositions, anyio.current_time())
        if any(each.verdict is Verdict.COMMITTED and not each.stranger for each in dispositions):
            self._trust()
        self._in_turn.committed(len(batch))
        self._note_held()
        self._stir()
        if not self.trusted and not self.over and (pause := self._envelopes.spend(len(batch), anyio.current_time())):
            with anyio.move_on_after(pause):
                await self._trust_changed.wait()
        while self._link.backlog > MOST_BACKLOG and not self.over:
            await self._drained.wait()

    async def _dispositions(self, batch: Sequence[Arrival]) -> Sequence[Disposition]:
        dispositions = await self._context.receive(self.device.peer, [arrival.envelope for arrival in batch])
        if len(dispositions) != len(batch):
            raise LocalMisuse(f"{len(batch)} envelopes got {len(dispositions)} dispositions")
        return dispositions

    # -- ends

    def _begin_to_close(self, reports: list[SendReport]) -> None:
        """CLOSE is all that may still leave, and has not long for it."""
        self._scope.deadline = anyio.current_time() + CLOSING_TIME
        self._over(reports)
        self._write_now.ring()
        self._look_at_clock.ring()

    def _hung_up(self) -> None:
        """The peer has gone; nothing can be said any more."""
        self._over(self._link.end())
        self._scope.cancel()

    def _over(self, reports: list[SendReport]) -> None:
        """Tell everybody, once."""
        self._report(reports)
        if not self.over:
            self.over = True
            self._on_over(self)
            self._room.ring()
            self._pong.ring()

    async def _hang_up(self) -> None:
        last_words = self._link.output(WRITE_SIZE).octets
        with anyio.move_on_after(CLOSING_TIME, shield=True):
            try:
                # Whoever was cancelled while writing has left half a frame; nothing can follow that.
                if last_words and not self._writing:
                    await self._stream.send(last_words)
            except STREAM_ERRORS:
                pass
        await anyio.aclose_forcefully(self._stream)

    # -- small things

    def _stir(self) -> None:
        """Something changed: let the writer write, and the watcher look whether its deadline is nearer."""
        self._write_now.ring()
        if self._link.deadline() < self._due:
            self._look_at_clock.ring()

    def _report(self, reports: list[SendReport]) -> None:
        if reports:
            self._context.report(reports)

    def _trust(self) -> None:
        """It carried something of a contact's, or something that we sent."""
        self.useful_at = anyio.current_time()
        if not self.trusted:
            self.trusted = True
            self._trust_changed.ring()

    def _note_held(self) -> None:
        if too_much := self._memory.note(self, self._link.held + self._committing):
            too_much.let_go(CloseReason.OVERLOADED)
