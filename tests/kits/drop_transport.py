"""A small transport that stores and forwards, and keeps every promise: the ground in which faults are planted.

An envelope lies in a box, a folder that its receiver has made for one peer. The box's name is random, and kept in the
vault. A file holds a signature (64) over the box's name and the envelope, and the envelope. It gets its name, a number,
when it is on the disk; then the box is synced, and only then it is stored. It goes when the host has decided on it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from secrets import token_bytes
from typing import TYPE_CHECKING, Final

import anyio
from anyio import to_thread

from balchat_host.api.errors import BadCredential, BadInput, NetworkUnavailable, PeerUnreachable
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Outcome, SendReport, Transport, Verdict
from balchat_host.api.types import ONLINE, STOPPED, PeerId, Phase, Route, ServiceState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from anyio.abc import TaskStatus

    from balchat_host.api.storage import KeyValueArea
    from balchat_host.api.transport import Disposition, Outgoing, TransportContext

NAME: Final = "transport_drop"
DOMAIN: Final = "balchat-drop"
SIGNATURE_SIZE: Final = 64
NAME_SIZE: Final = 32
HOLDS: Final = 25 * MAX_ENVELOPE_SIZE
"""Octets that wait in one box at most."""
WHEN_FULL: Final = 3600.0


class DropTransport(Transport):
    """Leaves envelopes in `folder`. Without `threads` it works on the disk in the event loop, for virtual time."""

    holds = HOLDS
    at_once = 8 * MAX_ENVELOPE_SIZE
    look_every = 0.05

    def __init__(self, context: TransportContext, folder: Path, *, threads: bool) -> None:
        self.context = context
        self.folder = folder
        self.threads = threads
        self.boxes: dict[PeerId, bytes] = {}
        self.not_before: dict[Path, float] = {}
        self.writing, self.allocating = anyio.Lock(), anyio.Lock()
        self.running = self.ran = False

    async def on_disk(self, work: Callable, *given):
        if self.threads:
            return await to_thread.run_sync(work, *given)
        await anyio.lowlevel.checkpoint()
        return work(*given)

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        if self.ran:
            raise RuntimeError("this object has run already")
        self.ran = True
        self.context.state_changed(ServiceState(phase=Phase.STARTING))
        try:
            for key, box in await self.context.read(lambda area: list(area.scan())):
                self.boxes[PeerId(key)] = box
            self.running = True
            task_status.started()
            self.context.state_changed(ONLINE)
            while True:
                for peer, box in list(self.boxes.items()):
                    await self.collect(peer, self.folder / box.hex())
                await anyio.sleep(self.look_every)
        finally:
            self.running = False
            self.context.state_changed(STOPPED)

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        return []

    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        async with self.allocating:
            box = self.boxes.get(peer)
            if box is None:
                box = token_bytes(NAME_SIZE)
                await self.on_disk(self.make_box, self.folder / box.hex())
                await self.remember(lambda area: area.put(peer.octets, box))
                self.boxes[peer] = box
        return [Route(transport=NAME, address=box)]

    async def remember(self, change: Callable[[KeyValueArea], None]) -> None:
        await self.context.change(change)

    def make_box(self, box: Path) -> None:
        box.mkdir(exist_ok=True)
        self.sync_folder(box.parent)

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        return False

    async def disconnect(self, peer: PeerId) -> None:
        await anyio.lowlevel.checkpoint()

    async def forget(self, peer: PeerId) -> None:
        box = self.boxes.pop(peer, None)
        if box is not None:
            await self.remember(lambda area: area.delete(peer.octets))
            await self.on_disk(shutil.rmtree, self.folder / box.hex(), True)

    async def keep_only(self, peers: Collection[PeerId]) -> None:
        for peer in set(self.boxes) - set(peers):
            await self.forget(peer)

    # -- leaving envelopes

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        if not self.running:
            raise NetworkUnavailable(problem="it does not run", remedy="")
        good = [route for route in routes if route.transport == NAME and len(route.address) == NAME_SIZE]
        if not good:
            raise PeerUnreachable(problem="this is no route to a box")
        if not all(0 < len(each.envelope) <= MAX_ENVELOPE_SIZE for each in outgoing):
            raise BadInput(what="An envelope", problem=f"it has 1 to {MAX_ENVELOPE_SIZE} octets")
        async with self.writing:
            await self.leave_all(good[0].address, list(outgoing))

    async def leave_all(self, box: bytes, waiting: list[Outgoing]) -> None:
        count = len(waiting)
        try:
            while waiting:
                signature = await self.signed(box, waiting[0].envelope)
                path = self.folder / box.hex()
                try:
                    if await self.on_disk(self.is_full, path, len(waiting[0].envelope)):
                        self.refuse(waiting.pop(0))
                        return
                    await self.on_disk(self.leave, path, signature + waiting[0].envelope)
                except OSError as error:
                    if len(waiting) == count:
                        waiting.clear()
                        raise PeerUnreachable(problem="their box cannot be written to") from error
                    return
                self.stored(waiting.pop(0))
        finally:
            self.lose(waiting, count)

    async def signed(self, box: bytes, envelope: bytes) -> bytes:
        return await self.context.sign(domain=DOMAIN, message=box + envelope)

    def lose(self, waiting: list[Outgoing], count: int) -> None:
        self.report(Outcome.LOST, *waiting)

    def refuse(self, outgoing: Outgoing) -> None:
        report = SendReport(ticket=outgoing.ticket, outcome=Outcome.REFUSED, reason="box-full", retry_after=WHEN_FULL)
        self.context.report([report])

    def stored(self, outgoing: Outgoing) -> None:
        for outcome in (Outcome.SENT, Outcome.STORED):
            self.report(outcome, outgoing)

    def report(self, outcome: Outcome, *outgoing: Outgoing) -> None:
        self.context.report([SendReport(ticket=each.ticket, outcome=outcome) for each in outgoing])

    def is_full(self, box: Path, more: int) -> bool:
        octets = more
        for path in self.waiting(box):
            with suppress(FileNotFoundError):  # it was taken this moment
                octets += path.stat().st_size - SIGNATURE_SIZE
        return octets > self.holds

    def waiting(self, box: Path) -> list[Path]:
        """Return the files that are whole, in the order in which they were left; links and pipes are nobody's."""
        with os.scandir(box) as entries:
            names = [entry.name for entry in entries if entry.name.isdecimal() and entry.is_file(follow_symlinks=False)]
        return [box / name for name in sorted(names)]

    def leave(self, box: Path, octets: bytes) -> None:
        already = self.waiting(box)
        number = int(already[-1].name) + 1 if already else 0
        new = box / "new"
        with new.open("wb") as file:
            file.write(octets)
            self.sync(file)
        new.rename(box / self.name(number))
        self.sync_folder(box)

    def name(self, number: int) -> str:
        return f"{number:012}"

    def sync(self, file) -> None:
        file.flush()
        os.fsync(file.fileno())

    def sync_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    # -- fetching them

    async def collect(self, peer: PeerId, box: Path) -> None:
        found = await self.on_disk(self.look, box, anyio.current_time())
        good = [(path, octets[SIGNATURE_SIZE:]) for path, octets in found if self.is_by(peer, box, octets)]
        bad = [path for path, _ in found if path not in dict(good)]
        answers = await self.offer(peer, good) if good else []
        done = [path for (path, _), answer in zip(good, answers, strict=False) if self.is_done(path, answer)]
        with anyio.CancelScope(shield=True):
            await self.on_disk(self.throw_away, bad)
            await self.on_disk(self.remove, done)

    async def offer(self, peer: PeerId, found: Sequence[tuple[Path, bytes]]) -> Sequence[Disposition]:
        try:
            return await self.context.receive(peer, [envelope for _, envelope in found])
        except Exception:  # noqa: BLE001  # whatever it is, nothing of it may go
            return []

    def is_by(self, peer: PeerId, box: Path, octets: bytes) -> bool:
        return self.verifies(peer, bytes.fromhex(box.name) + octets[SIGNATURE_SIZE:], octets)

    def verifies(self, peer: PeerId, message: bytes, octets: bytes) -> bool:
        try:
            self.context.verify(peer, domain=DOMAIN, message=message, signature=octets[:SIGNATURE_SIZE])
        except BadCredential:
            return False
        return True

    def is_done(self, path: Path, answer: Disposition) -> bool:
        if answer.verdict is Verdict.REFUSED and answer.retry_after is not None:
            self.not_before[path] = anyio.current_time() + answer.retry_after
            return False
        self.not_before.pop(path, None)
        return True

    def look(self, box: Path, now: float) -> list[tuple[Path, bytes]]:
        """Read what waits, as much as shares one commit; what cannot be an envelope goes."""
        found: list[tuple[Path, bytes]] = []
        octets = 0
        with suppress(FileNotFoundError):  # the box went while we looked
            for path in self.waiting(box):
                size = path.stat().st_size - SIGNATURE_SIZE
                if not self.fits(size):
                    path.unlink()
                elif self.not_before.get(path, now) <= now:
                    if found and octets + size > self.at_once:
                        break
                    found.append((path, path.read_bytes()))
                    octets += size
        return found

    def fits(self, size: int) -> bool:
        return 0 < size <= MAX_ENVELOPE_SIZE

    def throw_away(self, forged: Sequence[Path]) -> None:
        DropTransport.remove(self, forged)

    def remove(self, paths: Sequence[Path]) -> None:
        for path in paths:
            path.unlink(missing_ok=True)
