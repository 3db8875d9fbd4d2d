"""The transport itself. What touches the disk runs in worker threads."""

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

import anyio
from anyio import to_thread

from balchat_host.api.errors import BadInput, NetworkUnavailable, PeerUnreachable
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Outcome, SendReport, Transport, Verdict
from balchat_host.api.types import ONLINE, STOPPED, Phase, Route, ServiceState

NAME = "transport_drop"
BOX_NAME_SIZE = 32
MOST_WAITING = 32 * MAX_ENVELOPE_SIZE  # octets in one box
LEAST = 4096  # octets that the smallest file counts for: so there are 8192 files at most
MOST_AT_ONCE = 4 * MAX_ENVELOPE_SIZE  # octets that share one commit


class Carrier(Transport):
    def __init__(self, context, settings):
        self._context = context
        self._folder = Path(settings.folder)
        self._look_every = settings.look_every
        self._boxes = set()
        self._not_before = {}  # of what the host refuses for now
        self._writing = anyio.Lock()
        self._runs = False
        self._has_run = False

    async def run(self, *, task_status):
        if self._has_run:
            raise RuntimeError("it has run already; the host makes another one")
        self._has_run = True
        self._context.state_changed(ServiceState(phase=Phase.STARTING))
        self._runs = True
        self._context.state_changed(ONLINE)
        task_status.started()
        try:
            while True:
                for box in tuple(self._boxes):
                    await self._collect(box)
                await anyio.sleep(self._look_every)
        finally:
            self._runs = False
            self._context.state_changed(STOPPED)

    def first_routes(self, peer):
        return []

    async def allocate_routes(self, peer):
        box = await self._box(peer)
        await to_thread.run_sync(make_box, box)
        self._boxes.add(box)
        return [Route(transport=NAME, address=bytes.fromhex(box.name))]

    async def send(self, peer, routes, outgoing):
        if not self._runs:
            raise NetworkUnavailable(problem="the folder is not open", remedy="")
        boxes = [each.address for each in routes if each.transport == NAME and len(each.address) == BOX_NAME_SIZE]
        if not boxes:
            raise PeerUnreachable(problem="this is no route to a box")
        if not all(0 < len(each.envelope) <= MAX_ENVELOPE_SIZE for each in outgoing):
            raise BadInput(what="An envelope", problem=f"it has 1 to {MAX_ENVELOPE_SIZE} octets")
        box = self._folder / boxes[0].hex()
        async with self._writing:
            left = await to_thread.run_sync(leave, box, [each.envelope for each in outgoing])
        if outgoing and not left:
            raise PeerUnreachable(problem="their box is full, or cannot be written to")
        self._report(outgoing[:left], Outcome.SENT, Outcome.STORED)
        self._report(outgoing[left:], Outcome.LOST)

    def _report(self, outgoing, *outcomes):
        for outcome in outcomes:
            self._context.report([SendReport(ticket=each.ticket, outcome=outcome) for each in outgoing])

    def reachable(self, peer, device_id=None):
        return False

    async def disconnect(self, peer):
        pass

    async def forget(self, peer):
        box = await self._box(peer)
        self._boxes.discard(box)
        await to_thread.run_sync(shutil.rmtree, box, True)

    async def _box(self, peer):
        signature = await self._context.sign(domain="balchat-drop-box", message=peer.octets)
        return self._folder / hashlib.sha256(signature).hexdigest()

    async def _collect(self, box):
        while found := await to_thread.run_sync(look, box, self._refused_for_now()):
            try:
                answers = await self._context.receive(None, [envelope for _, envelope in found])
            except Exception:  # a full disk, say: it stays, and is handed over again
                return
            done = []
            for (path, _), answer in zip(found, answers):
                if answer.verdict is Verdict.REFUSED and answer.retry_after is not None:
                    # It stays, and holds up nothing: what stands behind it is offered meanwhile.
                    self._not_before[path] = anyio.current_time() + answer.retry_after
                else:
                    done.append(path)
            # It is committed; a copy that came again would do no harm, but there need be none.
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(remove, done)

    def _refused_for_now(self):
        """Return what must not be offered yet, and forget the times that have passed."""
        now = anyio.current_time()
        self._not_before = {path: time for path, time in self._not_before.items() if time > now}
        return set(self._not_before)


def waiting(box):
    """Give the files that are whole and their sizes, in the order in which they were left."""
    found = []
    for path in sorted(box.glob("[0-9]*")):
        with suppress(FileNotFoundError):  # it was taken this moment
            status = path.lstat()
            if S_ISREG(status.st_mode):  # a link or a pipe is no envelope, whoever has put it there
                found.append((path, status.st_size))
    return found


def leave(box, envelopes):
    """Put envelopes behind those that wait; return how many are on the disk, where a loss of power leaves them."""
    left = 0
    with suppress(OSError):
        already = waiting(box)
        room = MOST_WAITING - sum(max(size, LEAST) for _, size in already)
        first = int(already[-1][0].name) + 1 if already else 0
        for number, envelope in enumerate(envelopes, first):
            room -= max(len(envelope), LEAST)
            if room < 0:
                break
            with (box / "new").open("wb") as file:
                file.write(envelope)
                file.flush()
                os.fsync(file.fileno())
            (box / "new").rename(box / f"{number:012}")
            sync(box)
            left += 1
    return left


def sync(folder):
    """Have the names of its files on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_box(box):
    """Make a folder that outlives a loss of power."""
    box.mkdir(parents=True, exist_ok=True)
    sync(box.parent)


def look(box, not_yet):
    """Read what waits, as much as shares one commit, but for what is not due yet; what cannot be an envelope goes."""
    found, octets = [], 0
    for path, size in waiting(box):
        if not 0 < size <= MAX_ENVELOPE_SIZE:
            path.unlink(missing_ok=True)
        elif path not in not_yet and octets <= MOST_AT_ONCE:
            found.append((path, path.read_bytes()))
            octets += size
    return found


def remove(paths):
    """Take away what the host has."""
    for path in paths:
        path.unlink(missing_ok=True)
