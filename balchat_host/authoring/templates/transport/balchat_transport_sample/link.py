"""One proven stream: frames in both directions, an answer for each envelope, and the end of it all.

A frame is its kind (1 octet), a number (4), the size of its payload (4) and the payload. ENVELOPE carries one; its
number is the sender's, or 0 for a reply, which is not answered. ACK and REFUSE answer the envelope of their number. The
payload of REFUSE is the milliseconds to wait, all bits set for never, then the reason. PING says nothing but that we
are there: whoever crashed or lost the network does not even say goodbye.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from balchat_host.api.bell import Bell
from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Disposition, Outcome, SendReport, Verdict

from balchat_transport_sample.greeting import read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from anyio.abc import ByteStream
    from balchat_host.api.transport import Outgoing, TransportContext
    from balchat_host.api.types import PeerId

BROKEN: Final = (EndOfStream, BrokenResourceError, ClosedResourceError, OSError)
"""What a stream raises when it is over."""

WINDOW: Final = 4 * 1024 * 1024
"""Octets of ours that may be on their way without an answer."""
READ_AHEAD: Final = 1024 * 1024
"""Octets of theirs that may wait for the vault."""
MOST_WAITING: Final = 1024
"""Frames of theirs that may wait for the vault, however small."""
BATCH: Final = 64
"""Envelopes that share one commit."""
NEVER: Final = 0xFFFFFFFF
PING_EVERY: Final = 60.0
"""Seconds."""
SILENCE: Final = 200.0
"""Seconds after which a peer of whom nothing comes is gone."""

_HEADER: Final = struct.Struct(">BII")
_TIME_SIZE: Final = 4
_REASON: Final = re.compile(r"[a-z0-9-]{1,64}")
_ENVELOPE, _ACK, _REFUSE, _PING = range(4)


class Frame(NamedTuple):
    """What goes over the stream at once."""

    kind: int
    number: int
    payload: bytes


class Link:
    """One proven stream to `peer`. `ended` is called once, when it is over."""

    def __init__(
        self, context: TransportContext, peer: PeerId, stream: ByteStream, *, ended: Callable[[Link], None]
    ) -> None:
        self.peer = peer
        self._context = context
        self._stream = stream
        self._ended = ended
        self._number = 0
        self._unanswered: dict[int, Outgoing] = {}
        self._outbox: list[tuple[Frame, int | None]] = []  # with the ticket that is then SENT
        self._inbox: list[Frame] = []
        self._over = False
        self._heard = anyio.current_time()
        self._changed = Bell()
        self._scope = anyio.CancelScope()

    async def run(self) -> None:
        """Work until the stream is over."""
        try:
            with self._scope:
                async with anyio.create_task_group() as tasks:
                    for part in (self._write, self._read, self._work, self._watch):
                        tasks.start_soon(self._until_broken, part)
        finally:
            self.end()
            await anyio.aclose_forcefully(self._stream)

    async def submit(self, outgoing: Sequence[Outgoing]) -> None:
        """Take envelopes, waiting while too much is on its way. Raise PeerUnreachable if it took none."""
        taken = 0
        try:
            for each in outgoing:
                while not self._over and sum(len(one.envelope) for one in self._unanswered.values()) > WINDOW:
                    await self._changed.wait()
                if self._over:
                    break
                self._number += 1
                self._unanswered[self._number] = each
                self._put(Frame(_ENVELOPE, self._number, each.envelope), each.ticket)
                taken += 1
        finally:
            if taken:  # none of them, or all
                self._report(Outcome.LOST, (each.ticket for each in outgoing[taken:]))
        if outgoing and not taken:
            raise PeerUnreachable(problem="the stream broke")

    def end(self) -> None:
        """Let nothing more come or go. What has no answer is lost."""
        if not self._over:
            self._over = True
            self._ended(self)
            self._report(Outcome.LOST, (each.ticket for each in self._unanswered.values()))
            self._unanswered.clear()
            self._scope.cancel()
            self._changed.ring()

    # -- its three parts

    async def _until_broken(self, part: Callable[[], Awaitable[None]]) -> None:
        try:
            await part()
        except BROKEN:
            self._scope.cancel()

    async def _write(self) -> None:
        while True:
            while not self._outbox:
                await self._changed.wait()
            frame, ticket = self._outbox.pop(0)
            await self._stream.send(_HEADER.pack(frame.kind, frame.number, len(frame.payload)) + frame.payload)
            if ticket is not None and not self._over:  # else it is LOST already
                self._report(Outcome.SENT, [ticket])

    async def _read(self) -> None:
        while True:
            kind, number, size = _HEADER.unpack(await read(self._stream, _HEADER.size))
            if size > MAX_ENVELOPE_SIZE or kind > _PING:
                raise BrokenResourceError
            self._heard = anyio.current_time()
            self._inbox.append(Frame(kind, number, await read(self._stream, size)))
            self._changed.ring()
            while len(self._inbox) > MOST_WAITING or sum(len(each.payload) for each in self._inbox) > READ_AHEAD:
                await self._changed.wait()

    async def _watch(self) -> None:
        # While something waits for the vault, we do not listen.
        while self._inbox or anyio.current_time() - self._heard < SILENCE:
            self._put(Frame(_PING, 0, b""))
            await anyio.sleep(PING_EVERY)
        self.end()

    async def _work(self) -> None:
        """Work off what came, in order: so replies are received before the answer that follows them."""
        while True:
            while not self._inbox:
                await self._changed.wait()
            batch: list[Frame] = []
            while self._inbox and self._inbox[0].kind == _ENVELOPE and len(batch) < BATCH:
                batch.append(self._inbox.pop(0))
            if batch:
                await self._hand_over(batch)
            else:
                self._answered(self._inbox.pop(0))
            self._changed.ring()

    # -- envelopes of theirs

    async def _hand_over(self, batch: Sequence[Frame]) -> None:
        try:
            answers = await self._context.receive(self.peer, [frame.payload for frame in batch])
        except Exception as error:  # whatever it is: nothing of the batch may be acknowledged
            raise BrokenResourceError from error
        for frame, answer in zip(batch, answers, strict=True):
            self._answer(frame, answer)

    def _answer(self, frame: Frame, answer: Disposition) -> None:
        for reply in answer.replies:
            self._put(Frame(_ENVELOPE, 0, reply))
        if not frame.number or answer.verdict is Verdict.IGNORED:
            return
        if answer.verdict is Verdict.COMMITTED:
            self._put(Frame(_ACK, frame.number, b""))
        else:
            wait = NEVER if answer.retry_after is None else min(int(answer.retry_after * 1000), NEVER - 1)
            reason = answer.reason if answer.reason and _REASON.fullmatch(answer.reason) else ""
            self._put(Frame(_REFUSE, frame.number, wait.to_bytes(_TIME_SIZE) + reason.encode()))

    # -- envelopes of ours

    def _put(self, frame: Frame, ticket: int | None = None) -> None:
        self._outbox.append((frame, ticket))
        self._changed.ring()

    def _answered(self, frame: Frame) -> None:
        outgoing = self._unanswered.pop(frame.number, None)
        if outgoing is None:
            return  # a second answer, or one to nothing
        if frame.kind == _ACK:
            self._report(Outcome.DELIVERED, [outgoing.ticket])
            return
        wait = int.from_bytes(frame.payload[:_TIME_SIZE])
        reason = frame.payload[_TIME_SIZE:].decode(errors="replace")
        report = SendReport(
            ticket=outgoing.ticket,
            outcome=Outcome.REFUSED,
            reason=reason if _REASON.fullmatch(reason) else None,
            retry_after=None if wait == NEVER else wait / 1000,
        )
        self._context.report([report])

    def _report(self, outcome: Outcome, tickets: Iterable[int]) -> None:
        self._context.report([SendReport(ticket=ticket, outcome=outcome) for ticket in tickets])
