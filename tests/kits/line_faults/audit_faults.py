"""Faults of the small transport that the audit finds: what it leaves behind, shows, or does past the host."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sqlite3
import sys
import tempfile
import threading
import time
import warnings
from contextlib import closing, suppress
from pathlib import Path
from typing import ClassVar

import anyio
from anyio import to_thread

from balchat_host.api.errors import BadInput, PeerUnreachable
from balchat_host.api.types import ONLINE, PeerId, Phase, ServiceState
from tests.kits.line_faults.faulty_line import FaultyForTheAudit
from tests.kits.line_transport import PORT, Link

logger = logging.getLogger(__name__)


class Blocks(FaultyForTheAudit):
    """Blocks the event loop."""

    def dialling(self, peer) -> None:
        time.sleep(0.001)


class BlocksAndHidesIt(FaultyForTheAudit):
    """Blocks the event loop, and swallows what a guard raises there."""

    def dialling(self, peer) -> None:
        with suppress(Exception):
            time.sleep(0.001)


class LeavesATask(FaultyForTheAudit):
    """Leaves a task behind when it has ended."""

    def dialling(self, peer) -> None:
        self.ended.append(asyncio.get_running_loop().create_task(anyio.sleep_forever()))


class LeavesAThread(FaultyForTheAudit):
    """Leaves a thread behind when it has ended."""

    def dialling(self, peer) -> None:
        end = threading.Event()
        threading.Thread(target=end.wait).start()
        self.ended.append(end)


class LeavesASocket(FaultyForTheAudit):
    """Leaves a socket open when it has ended."""

    def dialling(self, peer) -> None:
        self.ended.append(socket.socket(socket.AF_UNIX))


class KeepsAFile(FaultyForTheAudit):
    """Keeps state in a file beside the vault."""

    def dialling(self, peer) -> None:
        self.tasks.start_soon(self.write)

    async def write(self) -> None:
        path = Path(tempfile.gettempdir()) / f"balchat-line-{id(self)}"
        await anyio.to_thread.run_sync(path.touch)
        self.ended.append(path)


class LogsPeers(FaultyForTheAudit):
    """Logs whom it talks to."""

    def dialling(self, peer) -> None:
        logger.debug("dialling %s", peer.onion)


class LogsContents(FaultyForTheAudit):
    """Logs what envelopes hold."""

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            logger.debug("received %r", batch[0].payload)
            await super().hand_over(batch)


class PrintsContents(FaultyForTheAudit):
    """Prints what envelopes hold."""

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            print(batch[0].payload)  # noqa: T201  # that is the fault
            await super().hand_over(batch)


class HasAProgramDial(FaultyForTheAudit):
    """Has another program connect, past the host's `dial`."""

    def dialling(self, peer) -> None:
        self.tasks.start_soon(self.run_it)

    async def run_it(self) -> None:
        await anyio.run_process(["true"])


class DialsByItself(FaultyForTheAudit):
    """Opens a connection of its own, past the host's `dial`."""

    def dialling(self, peer) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.setblocking(False)
            own.connect(("127.0.0.1", 9))


class NamesWhomItCannotReach(FaultyForTheAudit):
    """Says in an error whom it could not reach."""

    caught_by = "test_a_peer_that_is_not_there_is_said_so"
    tells = "the text of an error with a peer id in it"

    async def reach(self, peer, port):
        try:
            return await super().reach(peer, port)
        except PeerUnreachable as error:
            raise PeerUnreachable(problem=f"{peer.onion} does not answer") from error


class NamesTheRoute(FaultyForTheAudit):
    """Shows a route's address in an error."""

    caught_by = "test_a_route_of_something_else_is_refused"
    tells = "the text of an error with a route's address in it"

    async def send(self, peer, routes, outgoing) -> None:
        try:
            await super().send(peer, routes, outgoing)
        except PeerUnreachable:
            raise PeerUnreachable(problem=f"{routes[0].address.hex()} leads nowhere") from None


class ShowsTheEnvelope(FaultyForTheAudit):
    """Shows an envelope in an error."""

    caught_by = "test_an_envelope_of_no_or_too_many_octets_is_our_own_mistake"
    tells = "the text of an error with what an envelope holds in it"

    async def send(self, peer, routes, outgoing) -> None:
        try:
            await super().send(peer, routes, outgoing)
        except BadInput:
            raise BadInput(what="An envelope", problem=f"{[each.envelope[:30] for each in outgoing]}") from None


class NamesTasksForPeers(FaultyForTheAudit):
    """Gives its tasks the names of those with whom it talks."""

    tells = "a task's name with a peer id in it"

    async def link_to(self, peer, tasks) -> Link:
        if not self.links.get(peer):
            stream, device = await self.reach(peer, PORT)
            tasks.start_soon(self.adopt(device, stream).run, name=f"with {peer.onion}")
        return self.links[peer][0]


class LeavesATimer(FaultyForTheAudit):
    """Leaves something to be called later when it has ended."""

    tells = "a timer, which calls print later"

    def dialling(self, peer) -> None:
        asyncio.get_running_loop().call_later(3600, print)


class LeavesASignalHandler(FaultyForTheAudit):
    """Leaves a signal to be handled by itself."""

    tells = "what is done on SIGUSR1"

    def dialling(self, peer) -> None:
        self.ended.append((signal.SIGUSR1, signal.getsignal(signal.SIGUSR1)))
        signal.signal(signal.SIGUSR1, lambda *_: None)


class LeavesAWorkerAtWork(FaultyForTheAudit):
    """Abandons what it does in a worker thread, which goes on."""

    tells = "work that goes on in a worker thread"

    async def reach(self, peer, port):
        end = threading.Event()
        self.ended.append(end)
        with anyio.move_on_after(0.01):
            await to_thread.run_sync(end.wait, 30, abandon_on_cancel=True)
        return await super().reach(peer, port)


class SyncsInTheLoop(FaultyForTheAudit):
    """Opens and syncs a folder in the event loop."""

    def dialling(self, peer) -> None:
        descriptor = os.open(Path(__file__).parent, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


class LooksUpANameByItself(FaultyForTheAudit):
    """Looks up a name past the host's `dial`."""

    def dialling(self, peer) -> None:
        socket.gethostbyname("localhost")


class ConnectsInAThread(FaultyForTheAudit):
    """Connects past the host's `dial`, in a worker thread."""

    def dialling(self, peer) -> None:
        self.tasks.start_soon(self.connect)

    async def connect(self) -> None:
        with suppress(OSError):
            await to_thread.run_sync(socket.create_connection, ("127.0.0.1", 9))


class SendsADatagram(FaultyForTheAudit):
    """Sends a datagram past the host's `dial`."""

    def dialling(self, peer) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.setblocking(False)
            own.sendmsg([b"hello"], [], 0, ("127.0.0.1", 9))


class KeepsStateInTheEnvironment(FaultyForTheAudit):
    """Keeps state in the environment."""

    tells = "BALCHAT_LINE_STATE in the environment"

    def dialling(self, peer) -> None:
        self.ended.append("BALCHAT_LINE_STATE")
        os.environ["BALCHAT_LINE_STATE"] = "dialled"


class KeepsStateInSharedMemory(FaultyForTheAudit):
    """Keeps state in shared memory."""

    def dialling(self, peer) -> None:
        self.tasks.start_soon(self.write)

    async def write(self) -> None:
        path = Path(f"/dev/shm/balchat-line-{os.getpid()}")  # that is the fault
        self.ended.append(path)
        await to_thread.run_sync(path.touch)


class KeepsStateInItsModule(FaultyForTheAudit):
    """Keeps in its module whom it has dialled, for all accounts of the process."""

    tells = "KeepsStateInItsModule.dialled has changed"
    dialled: ClassVar[set[PeerId]] = set()

    def dialling(self, peer) -> None:
        self.dialled.add(peer)


class WritesToStderr(FaultyForTheAudit):
    """Writes whom it talks to to the standard error."""

    def dialling(self, peer) -> None:
        sys.stderr.write(f"dialling {peer.onion}\n")


class LogsShortenedIds(FaultyForTheAudit):
    """Logs the beginning of a peer id."""

    def dialling(self, peer) -> None:
        logging.getLogger(__name__).debug("dialling %s...", peer.octets.hex()[:8])


class LogsPastTheRoot(FaultyForTheAudit):
    """Logs whom it talks to with a logger that has a handler of its own."""

    logger = logging.getLogger(f"{__name__}.own")
    logger.propagate = False

    def dialling(self, peer) -> None:
        self.logger.warning("dialling %s", peer.onion)


class LeavesATaskWhenADialFails(FaultyForTheAudit):
    """Leaves a task behind where a dial has come to nothing."""

    caught_by = "test_a_peer_that_is_not_there_is_said_so"

    async def reach(self, peer, port):
        try:
            return await super().reach(peer, port)
        except PeerUnreachable:
            self.ended.append(asyncio.get_running_loop().create_task(anyio.sleep_forever()))
            raise


class LogsAnErrorThatShowsIt(FaultyForTheAudit):
    """Logs an error that shows an envelope."""

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            logger.error("it came", exc_info=ValueError(batch[0].payload))
            await super().hand_over(batch)


class LogsWhatAnObjectShows(FaultyForTheAudit):
    """Logs an object that shows an envelope."""

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            logger.debug("received %s", batch)
            await super().hand_over(batch)


class WarnsOfPeers(FaultyForTheAudit):
    """Warns of somebody by name."""

    tells = "a warning with a peer id in it"

    def dialling(self, peer) -> None:
        # Tests make errors of what is warned of; this is what comes of it elsewhere.
        warnings.showwarning(f"{peer.onion} is slow", UserWarning, __file__, 1)


class WritesPastPython(FaultyForTheAudit):
    """Writes whom it talks to to the standard error, past Python's stream."""

    tells = "a printed line with a peer id in it"

    def dialling(self, peer) -> None:
        os.write(2, f"dialling {peer.onion}\n".encode())


class NamesPeersInItsState(FaultyForTheAudit):
    """Names somebody in its state."""

    tells = "a state with a peer id in it"

    def dialling(self, peer) -> None:
        self.context.state_changed(ServiceState(phase=Phase.DEGRADED, reason=f"{peer.onion} is slow"))
        self.context.state_changed(ONLINE)


class ChangesTheFolder(FaultyForTheAudit):
    """Changes the folder in which relative paths begin."""

    tells = "the folder in which relative paths begin"

    def dialling(self, peer) -> None:
        self.ended.append(("folder", Path("/proc/self/cwd").resolve()))
        os.chdir("/")


class LimitsAllSockets(FaultyForTheAudit):
    """Sets a time limit for all sockets of the process."""

    tells = "the time limit of all sockets"

    def dialling(self, peer) -> None:
        socket.setdefaulttimeout(60)


class KeepsStateAtHome(FaultyForTheAudit):
    """Keeps a database in the home directory."""

    def dialling(self, peer) -> None:
        self.tasks.start_soon(to_thread.run_sync, self.write)

    def write(self) -> None:
        path = Path.home() / f".balchat-line-{os.getpid()}"
        self.ended.append(path)
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE IF NOT EXISTS state (peer BLOB)")
