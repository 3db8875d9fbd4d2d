"""A whole Tor network on loopback: six directory authorities that are relays too. Nothing leaves the machine.

Theory of operation
-------------------
A node knows another only by the keys in the consensus, and tor votes on one at fixed times of the day, at least five
seconds apart. Waiting for the next such time, and then for the one at which nobody is missing any more, is what
usually takes long. So the nodes start with a vote half an hour away, exchange their descriptors, and only when each
knows all are they told, through their control ports, to vote within the next seconds. The consensus is then complete at
once, and stands unchanged for half an hour.

Clients choose nodes by the bandwidth that these say they have carried. In most networks so young that is nothing, for
all. But where one has carried a kilobyte a second and the others have not, it is chosen for every hop, and no circuit
can be built. So each node is made to remember a lot, and to say no more than any other.

On a busy machine a node may hear too late that it is to vote, or sign too late. Then there are two opinions of when
the next vote is, and no circuit is ever built. So what is not up in its time is ended, and begun once more with slower
votes.

    keys made → processes started → every node knows all → vote → consensus → every node has built circuits
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeAlias, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread

from balchat_network_tor.testing.murmur import Murmur, fingerprints_of
from balchat_network_tor.testing.node import VOTING_INTERVAL, Node
from balchat_network_tor.testing.ports import free_ports
from balchat_network_tor.testing.process import TorProcess

ProcessT = TypeVar("ProcessT", bound=TorProcess)

ProgressCallback: TypeAlias = Callable[[int, str], None]
"""Is told how far the start is (0 to 100), and what is done now."""

NODES: Final = 6
"""As few as possible. tor calls those Stable that are up no shorter than the median, here at least four, and takes the
second hop of an onion service's circuit from these: not the node itself, nor its first or last hop (proposal 333)."""

_LOOK_EVERY: Final = 0.05
"""Seconds."""

_VOTES: Final = ((5, 3), (20, 10), (30, 20))
"""How each try votes: seconds between votes, and from the call to vote until the consensus is valid. Five between votes
is the least that tor takes; a vote and its signing then take one second each, later two."""


class PrivateNetworkFailed(RuntimeError):
    """The private Tor network could not be started; the message has the log of the node that failed."""


class _TooSlow(PrivateNetworkFailed):
    """It was not up in its time; another try may be."""


class PrivateTorNetwork:
    """A private Tor network, as a context manager: `with` or `async with`.

    `on_progress` is called while it starts, from the thread that starts it (`async with`: from the event loop's).
    `timeout` is in seconds, for all tries together. Raises PrivateNetworkFailed. All processes end with the context;
    should this process be killed, they notice the end of their control connections and end too.
    """

    def __init__(
        self,
        *,
        tor: str = "tor",
        timeout: float = 100,
        on_progress: ProgressCallback = lambda _percent, _what: None,
    ) -> None:
        self._tor = tor
        self._timeout = timeout
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._given_up = threading.Event()
        self._deadline = 0.0
        self._folder: Path | None = None
        self._processes: list[TorProcess] = []
        self._authorities: list[str] = []

    def torrc_lines(self) -> tuple[str, ...]:
        """The lines that make a tor a client of this network."""
        return ("TestingTorNetwork 1", *self._authorities)

    def start(self) -> None:
        """Start the network and return when it is usable. Blocks; use `with` or `async with` where possible."""
        try:
            self._start(self._on_progress)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process and remove the folder. Blocks shortly. Calling it twice is harmless."""
        self._given_up.set()
        with self._lock:
            self._end()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        report = partial(anyio.from_thread.run_sync, self._on_progress)
        try:
            await anyio.to_thread.run_sync(self._start, report, abandon_on_cancel=True)
        except BaseException:
            # After a cancellation the thread may still be at work; `stop` tells it and waits for it.
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.stop)

    def _start(self, report: ProgressCallback) -> None:
        with self._lock:
            self._given_up.clear()
            end = time.monotonic() + self._timeout
            for number, (interval, ahead) in enumerate(_VOTES, start=1):
                self._deadline = time.monotonic() + self._seconds_each
                try:
                    self._try(report, interval=interval, ahead=ahead)
                except _TooSlow:
                    if number == len(_VOTES) or time.monotonic() >= end:
                        raise
                    self._end()
                else:
                    return

    def _end(self) -> None:
        for process in reversed(self._processes):
            process.stop()
        self._processes.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None

    @property
    def _seconds_each(self) -> float:
        return self._timeout / len(_VOTES)

    def _try(self, report: ProgressCallback, *, interval: int, ahead: int) -> None:
        report(0, "making keys")
        self._folder = Path(tempfile.mkdtemp(prefix="private-tor-"))
        nodes = self._make_nodes(self._folder)
        report(25, "starting the nodes")
        try:
            for node in nodes:
                node.start_voting(self._tor, self._authorities)
        except OSError as error:
            raise PrivateNetworkFailed(
                f"{error.filename or 'tor'} cannot be started ({error.strerror}); install tor"
            ) from error
        self._wait(nodes, "start", TorProcess.connect)
        report(45, "exchanging descriptors")
        self._wait(nodes, "learn of the others", lambda node: node.known_relays() == NODES)
        report(50, "voting")
        offset = (round(time.time()) + ahead) % interval
        for node in nodes:
            node.vote(interval=interval, offset=offset)
        self._wait(nodes, "agree on a consensus", lambda node: node.known_directories() == NODES)
        report(85, "building circuits")
        murmur = Murmur(folder=self._folder / "murmur")
        self._processes.append(murmur)
        murmur.join_network(self._tor, self._authorities)
        self._wait([murmur], "start", TorProcess.connect)
        self._wait([murmur], "learn of the nodes", Murmur.informed)
        self._wait(nodes, "build a circuit", Node.bootstrapped)
        murmur.begin(fingerprints_of(self._authorities))
        report(100, "ready")

    def _make_nodes(self, folder: Path) -> list[Node]:
        ports = free_ports(2 * NODES)
        offset = (int(time.time()) + VOTING_INTERVAL // 2) % VOTING_INTERVAL
        nodes = [
            Node(
                folder=folder / f"node{number}",
                name=f"node{number}",
                or_port=ports[2 * number],
                dir_port=ports[2 * number + 1],
                offset=offset,
            )
            for number in range(NODES)
        ]
        self._processes.extend(nodes)
        self._authorities = [node.make_keys() for node in nodes]
        return nodes

    def _wait(self, processes: Sequence[ProcessT], what: str, done: Callable[[ProcessT], bool]) -> None:
        """Look at the processes again and again until each is `done`; raise with the log of one that is not."""
        waiting = processes
        while waiting := [process for process in waiting if not done(process)]:
            for process in waiting:
                if not process.running:
                    raise PrivateNetworkFailed(
                        f"{process.name} ended before it could {what}; its log:\n{process.last_words()}"
                    )
            if time.monotonic() > self._deadline:
                names, log = ", ".join(process.name for process in waiting), waiting[0].last_words()
                raise _TooSlow(
                    f"{names} did not {what} within {self._seconds_each:.0f} s; "
                    f"if this machine is busy, try again when it is not. The log of {waiting[0].name}:\n{log}"
                )
            if self._given_up.wait(_LOOK_EVERY):
                raise PrivateNetworkFailed("stopped while it was starting")
