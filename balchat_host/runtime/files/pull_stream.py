"""Pulls parts over one bulk stream: asks ahead, takes what comes in order, and stores each part before it reads on.

What the stream did not bring when it ends goes back to the plan. While a part is being stored, the next ones are on
their way; none of them is read. So after a death no more comes again than one part and what the network held.
"""

from collections import deque
from typing import Final

import anyio
from anyio.abc import ByteStream

from balchat_host.api.bell import Bell
from balchat_host.runtime.files.octet_budget import OctetBudget
from balchat_host.runtime.files.part_store import PartStore
from balchat_host.runtime.files.pull_plan import Planned, PlannedFile, PullPlan
from balchat_host.runtime.files.pull_protocol import (
    AnswerReader,
    Asked,
    BusyCame,
    Confirm,
    ManifestCame,
    NoneCame,
    PartCame,
)

WINDOW: Final = 8 * 1024 * 1024
"""Octets that are asked for and have not come."""
MOST_OPEN: Final = 16
"""Requests that are open."""
STALL_TIMEOUT: Final = 60.0
"""Seconds in which nothing comes, or nothing is taken, after which a stream is given up."""
FIRST_TIMEOUT: Final = 60.0
LEAST_SPEED: Final = 16 * 1024
"""An answer must come within so many seconds, and one more for each so many octets: all share the memory for parts."""
LINGER: Final = 30.0
"""Seconds for which a stream is kept while nothing is wanted: more may soon be."""
CONFIRM_EVERY: Final = 1.0
"""Seconds between two confirmations of a file that is not whole, at least, where nothing else is sent."""
_READ_SIZE: Final = 65_536
_COPIES: Final = 2
"""A part is held twice while it is taken out of what was read."""


class Busy(Exception):
    """The peer has asked us to come again in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class PullStream:
    """One bulk stream on which we pull. `news` rings when the plan has more to ask for."""

    def __init__(self, stream: ByteStream, plan: PullPlan, parts: PartStore, memory: OctetBudget, news: Bell) -> None:
        self._stream = stream
        self._plan = plan
        self._parts = parts
        self._memory = memory
        self._news = news
        self._reader = AnswerReader()
        self._planned: deque[Planned] = deque()
        """The open requests, as the reader has them."""
        self._confirmed: dict[PlannedFile, int] = {}
        """How many parts we have said are durable."""
        self._confirmed_at = anyio.current_time()
        self.stored = 0
        """Parts that it has brought."""

    async def run(self) -> None:
        """Pull until nothing has been wanted for a while.

        Raise Busy, PartRefused, ProtocolViolation, TimeoutError, StorageFull, StorageFailed and what the stream raises.
        """
        try:
            while await self._ask():
                await self._take_one()
        finally:
            self._give_back()

    # -- asking

    async def _ask(self) -> bool:
        """Ask for as much as may be open. Return whether something is; False once nothing has been for a while."""
        waited = False
        while True:
            octets = await self._requests()
            octets += b"".join(each.encode() for each in self._confirmations(now=bool(octets)))
            if octets:
                with anyio.fail_after(STALL_TIMEOUT):
                    await self._stream.send(octets)
            if self._planned:
                return True
            if waited:
                return False
            self._reader.next()  # raises where more has come than was asked for
            with anyio.move_on_after(LINGER) as lingering:
                await self._news.wait()
            waited = lingering.cancelled_caught

    async def _requests(self) -> bytes:
        octets = bytearray()
        while len(self._planned) < MOST_OPEN and self._reader.octets < WINDOW:
            planned = self._plan.next(self)
            if planned is None:
                break
            self._planned.append(planned)
            if not self._memory.try_take(_cost(planned)):
                if len(self._planned) > 1:
                    # Others wait for memory: they come first, and we go on with what is open.
                    self._planned.pop()
                    self._plan.give_back(planned)
                    break
                await self._take_memory(planned)
            asked = Asked(planned, planned.file.shape, planned.parts)
            octets += self._reader.ask(planned.file.wanted.root, asked)
        return bytes(octets)

    async def _take_memory(self, planned: Planned) -> None:
        try:
            await self._memory.take(_cost(planned))
        except BaseException:
            self._planned.pop()
            self._plan.give_back(planned)
            raise

    def _confirmations(self, *, now: bool) -> list[Confirm]:
        """Return what there is to confirm: now and then, and at once where something else goes or a file is whole."""
        whole = not all(self._plan.wants(file) for file in self._confirmed)
        if not (now or whole or anyio.current_time() - self._confirmed_at >= CONFIRM_EVERY):
            return []
        self._confirmed_at = anyio.current_time()
        said = [
            Confirm(file.wanted.root, file.durable) for file, told in self._confirmed.items() if file.durable > told
        ]
        self._confirmed = {file: file.durable for file in self._confirmed if self._plan.wants(file)}
        return said

    # -- what comes

    async def _take_one(self) -> None:
        expected = _size(self._planned[0])
        with anyio.fail_after(FIRST_TIMEOUT + expected / LEAST_SPEED):
            while (answer := self._reader.next()) is None:
                with anyio.fail_after(STALL_TIMEOUT):
                    self._reader.feed(await self._stream.receive(_READ_SIZE))
        match answer:
            case PartCame(asked, index, octets):
                await self._take_part(self._planned[0].file, index, octets)
                self._planned[0] = Planned(self._planned[0].file, asked.parts)
                if not asked.parts:
                    self._close_first()
            case ManifestCame(_, octets):
                file = self._planned[0].file
                if self._plan.wants(file):
                    await self._parts.store_manifest(file.number, octets)
                    self._plan.manifest_came(file)
                    self._news.ring()
                self._close_first()
            case NoneCame():
                file = self._close_first().file
                if self._plan.wants(file):
                    await self._parts.not_offered(file.number)
                    self._plan.drop(file.number)
            case BusyCame(_, seconds):
                raise Busy(seconds)

    async def _take_part(self, file: PlannedFile, index: int, octets: bytes) -> None:
        if not self._plan.wants(file):
            return  # it was paused or cancelled while it came
        still_wanted = await self._parts.store(file.number, index, octets)
        self.stored += 1
        self._plan.part_came(file)
        self._confirmed.setdefault(file, 0)
        if not still_wanted:
            self._plan.drop(file.number)

    def _close_first(self) -> Planned:
        planned = self._planned.popleft()
        self._memory.give_back(_cost(planned))
        return planned

    def _give_back(self) -> None:
        while self._planned:
            planned = self._close_first()
            if self._plan.wants(planned.file):
                self._plan.give_back(planned)
        self._news.ring()


def _size(planned: Planned) -> int:
    """Return the octets of the largest frame that answers a request."""
    shape = planned.file.shape
    return shape.manifest_size if planned.parts is None else shape.part_size


def _cost(planned: Planned) -> int:
    """Return the octets of memory that the answer to a request may take at a time."""
    return _COPIES * _size(planned)
