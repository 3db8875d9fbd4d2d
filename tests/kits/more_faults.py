"""More faults of the small transport: what others have thought of before the kit looked for it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import anyio
from anyio import to_thread

from balchat_host.api.errors import BadCredential, BadInput, PeerUnreachable
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Outcome
from balchat_host.api.types import DeviceIdentity, PeerId, Phase
from tests.kits.faults import ARRIVES, Faulty
from tests.kits.line_transport import ACK, ENVELOPE, HEADER, PORT, Frame, Link

GREETED = "test_whoever_claims_to_be_somebody_else_is_found_out"
BY_ITSELF = "test_who_was_disconnected_hears_nothing_of_us_by_itself"
APART = "test_who_is_disconnected_takes_nobody_along"
NOT_TAKEN = "test_what_the_host_could_not_take_is_not_acknowledged"
OUTAGE = "test_a_network_that_is_away_for_a_while_ends_nothing"


class FaultyOtherwise(Faulty):
    """No fault."""


# -- tickets, and what is sent again


class SendsAgainOnce(FaultyOtherwise):
    """Sends what it called LOST again as soon as it has something else to send."""

    caught_by = "test_what_is_lost_is_the_hosts_to_send_again"

    def __init__(self, context) -> None:
        super().__init__(context)
        self.again = []

    class link(Link):  # noqa: N801  # it stands for the attribute
        def end(self) -> None:
            if not self.over:
                self.transport.again += self.waiting.values()
            super().end()

        async def submit(self, outgoing) -> None:
            again, self.transport.again = self.transport.again, []
            for each in again:
                self.put(Frame(ENVELOPE, 0, each.envelope))
            await super().submit(outgoing)


class SendsAgainLater(FaultyOtherwise):
    """Sends what it called LOST again after a while."""

    caught_by = BY_ITSELF

    class link(Link):  # noqa: N801  # see above
        def end(self) -> None:
            lost = [] if self.over else [*self.waiting.values()]
            super().end()
            if lost and self.transport.tasks is not None:
                self.transport.tasks.start_soon(self.send_later, lost)

        async def send_later(self, lost) -> None:
            await anyio.sleep(600)
            with suppress(PeerUnreachable):
                link = await self.transport.link_to(self.peer, self.transport.tasks)
                for each in lost:
                    link.put(Frame(ENVELOPE, 0, each.envelope))


class SendsAgainAfterAStart(FaultyOtherwise):
    """Keeps in the vault what it sends, and sends again at the next start what had no answer."""

    caught_by = "test_what_was_sent_before_a_start_is_not_sent_again"

    async def send(self, peer, routes, outgoing) -> None:
        await self.context.change(
            lambda area: [area.put(b"%d" % each.ticket, peer.octets + each.envelope) for each in outgoing]
        )
        await super().send(peer, routes, outgoing)

    async def link_to(self, peer, tasks) -> Link:
        kept = await self.context.read(lambda area: [octets for _, octets in area.scan()])
        link = await super().link_to(peer, tasks)
        for octets in kept:
            link.put(Frame(ENVELOPE, 0, octets[32:]))
        return link


class StopHoldsASend(FaultyOtherwise):
    """Leaves a `send` waiting when it stops."""

    caught_by = "test_a_send_that_waits_when_it_stops_loses_no_ticket"

    class link(Link):  # noqa: N801  # see above
        async def submit(self, outgoing) -> None:
            for each in outgoing:
                await super().submit([each])
                if self.over:
                    await anyio.sleep_forever()


class DisconnectForgetsASend(FaultyOtherwise):
    """Forgets what it had not yet taken of a `send` when it is told to disconnect."""

    caught_by = "test_a_send_that_breaks_loses_no_ticket"

    async def disconnect(self, peer) -> None:
        for link in self.links.get(peer, []):
            link.settle = lambda outgoing, taken: None
        await super().disconnect(peer)


class TakesEqualOnesForOne(FaultyOtherwise):
    """Takes two envelopes with the same octets for one, and reports of one ticket alone."""

    caught_by = "test_two_envelopes_with_the_same_octets_are_two"

    async def send(self, peer, routes, outgoing) -> None:
        await super().send(peer, routes, list({each.envelope: each for each in outgoing}.values()))


class CallsSentWhatWaits(FaultyOtherwise):
    """Reports SENT before the octets have left."""

    caught_by = "test_nothing_is_called_sent_before_its_octets_have_left"

    class link(Link):  # noqa: N801  # see above
        def put(self, frame, ticket=None) -> None:
            super().put(frame)
            if ticket is not None:
                self.report(Outcome.SENT, ticket)


class ChecksTheFirstAndTheLast(FaultyOtherwise):
    """Looks at the size of the first envelope of a `send` and at that of the last."""

    caught_by = "test_an_envelope_of_no_or_too_many_octets_is_our_own_mistake"
    largest = 2**31

    async def send(self, peer, routes, outgoing) -> None:
        if not all(0 < len(each.envelope) <= MAX_ENVELOPE_SIZE for each in (*outgoing[:1], *outgoing[-1:])):
            raise BadInput(what="An envelope", problem="it is too large")
        await super().send(peer, routes, [each for each in outgoing if each.envelope])


# -- what is received


class AcknowledgesWhatTimedOut(FaultyOtherwise):
    """Acknowledges although `receive` raised an OSError, such as a TimeoutError."""

    caught_by = NOT_TAKEN

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            try:
                await super().hand_over(batch)
            except anyio.BrokenResourceError as error:
                if not isinstance(error.__context__, OSError):
                    raise
                for frame in batch:
                    self.put(Frame(ACK, frame.number, b""))


class AcknowledgesAllButTheFirst(FaultyOtherwise):
    """Takes only the first envelope of a batch for one that `receive` has raised for."""

    caught_by = NOT_TAKEN

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            try:
                await super().hand_over(batch)
            except anyio.BrokenResourceError:
                for frame in batch[1:]:
                    self.put(Frame(ACK, frame.number, b""))
                await anyio.sleep(1)
                raise


class RepliesToSomebodyElse(FaultyOtherwise):
    """Sends replies to whoever came first."""

    caught_by = "test_replies_are_received_before_the_sender_learns_of_delivery"

    class link(Link):  # noqa: N801  # see above
        def answer(self, frame, answer) -> None:
            first = next(link for links in self.transport.links.values() for link in links)
            for reply in answer.replies:
                first.put(Frame(ENVELOPE, 0, reply))


class ReadsFramesWhole(FaultyOtherwise):
    """Takes what one read of the stream gives for a whole header."""

    caught_by = "test_octets_that_arrive_a_few_at_a_time_are_no_less"
    failures = (BaseException,)

    class link(Link):  # noqa: N801  # see above
        async def read(self) -> None:
            self.stream = WholeHeaders(self.stream)
            await super().read()


class WholeHeaders:
    """A stream of which somebody thinks that it has a whole header whenever it has an octet."""

    def __init__(self, stream) -> None:
        self.stream = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    async def receive(self, size):
        octets = await self.stream.receive(size)
        return octets.ljust(size, b"\0") if size == HEADER.size else octets


# -- who is there


class BelievesWhoeverItKnows(FaultyOtherwise):
    """Takes the signature of anybody whom it knows."""

    caught_by = GREETED

    def check(self, peer, message, signature) -> None:
        for each in self.links:
            with suppress(BadCredential):
                return super().check(each, message, signature)
        return super().check(peer, message, signature)


class BelievesUntilItHasLooked(FaultyOtherwise):
    """Says that somebody came within reach, and looks at the signature then."""

    caught_by = GREETED

    def check(self, peer, message, signature) -> None:
        device = DeviceIdentity(peer=peer, device_id=bytes(16))
        self.context.peer_changed(device, reachable=True)
        try:
            super().check(peer, message, signature)
        finally:
            self.context.peer_changed(device, reachable=False)


class ReachesAnybody(FaultyOtherwise):
    """Says that everybody is within reach when somebody is."""

    caught_by = APART

    def reachable(self, peer, device_id=None) -> bool:
        return any(self.links.values())


class TellsThatAllAreGone(FaultyOtherwise):
    """Says of everybody that they are out of reach when one is."""

    caught_by = APART

    def gone(self, link) -> None:
        super().gone(link)
        for links in self.links.values():
            for each in links:
                with suppress(AssertionError):
                    self.context.peer_changed(each.device, reachable=False)


class TellsBeforeItIsSo(FaultyOtherwise):
    """Tells that a peer came within reach while it still says itself that they are not."""

    caught_by = ARRIVES

    def adopt(self, device, stream) -> Link:
        if not self.links.get(device.peer):
            self.context.peer_changed(device, reachable=True)
        self.links.setdefault(device.peer, []).append(self.make_link(device, stream))
        return self.links[device.peer][-1]


class ConnectsAgainByItself(FaultyOtherwise):
    """Connects again with whoever was disconnected."""

    caught_by = BY_ITSELF

    def gone(self, link) -> None:
        super().gone(link)
        if self.tasks is not None:
            self.tasks.start_soon(self.connect_later, link.peer)

    async def connect_later(self, peer) -> None:
        await anyio.sleep(600)
        with suppress(PeerUnreachable):
            await self.link_to(peer, self.tasks)


class RaisesWhatTheStreamRaises(FaultyOtherwise):
    """Raises something of the stream's when whoever it dials hangs up."""

    caught_by = "test_a_peer_who_hangs_up_at_once_is_not_reached"

    async def reach(self, peer, port):
        try:
            return await super().reach(peer, port)
        except PeerUnreachable as error:
            raise error.__cause__ or error from None


# -- its life


class EndsWithTheNetwork(FaultyOtherwise):
    """Ends when the network is away for a while."""

    caught_by = OUTAGE

    def service_changed(self, state) -> None:
        super().service_changed(state)
        if self.tasks is not None and state.phase is Phase.DEGRADED:
            self.tasks.cancel_scope.cancel()


class SaysOnlineWhateverHappens(FaultyOtherwise):
    """Goes on saying that it is online while the network is away."""

    caught_by = OUTAGE

    def service_changed(self, state) -> None:
        if state.phase is Phase.ONLINE:
            super().service_changed(state)


class ASecondRunEndsTheFirst(FaultyOtherwise):
    """Raises when it is run again, and takes away what the first run needs."""

    caught_by = "test_an_object_runs_once"

    async def run(self, *, task_status) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            self.tasks = None


class StartsTooEarly(FaultyOtherwise):
    """Calls `task_status.started()` before `send` can be called."""

    caught_by = "test_it_sends_as_soon_as_it_has_started"

    async def run(self, *, task_status) -> None:
        task_status.started()
        await anyio.sleep(1)
        await super().run(task_status=anyio.TASK_STATUS_IGNORED)


class FailsBeforeItRuns(FaultyOtherwise):
    """Raises something of its own when it is asked before it runs."""

    caught_by = "test_what_may_be_asked_before_it_runs_has_an_answer"
    failures = (AttributeError,)

    def __init__(self, context) -> None:
        super().__init__(context)
        del self.links

    async def run(self, *, task_status) -> None:
        self.links = {}
        await super().run(task_status=task_status)


# -- what errors and names tell


class NamesTheRoute(FaultyOtherwise):
    """Shows a route's address in an error."""

    caught_by = "test_a_route_of_something_else_is_refused"
    audited = True
    tells = "the text of an error with a route's address in it"

    async def send(self, peer, routes, outgoing) -> None:
        try:
            await super().send(peer, routes, outgoing)
        except PeerUnreachable:
            raise PeerUnreachable(problem=f"{routes[0].address.hex()} leads nowhere") from None


class ShowsTheEnvelope(FaultyOtherwise):
    """Shows an envelope in an error."""

    caught_by = "test_an_envelope_of_no_or_too_many_octets_is_our_own_mistake"
    audited = True
    tells = "the text of an error with what an envelope holds in it"

    async def send(self, peer, routes, outgoing) -> None:
        try:
            await super().send(peer, routes, outgoing)
        except BadInput:
            raise BadInput(what="An envelope", problem=f"{[each.envelope[:30] for each in outgoing]}") from None


class NamesTasksForPeers(FaultyOtherwise):
    """Gives its tasks the names of those with whom it talks."""

    caught_by = ARRIVES
    audited = True
    tells = "a task's name with a peer id in it"

    async def link_to(self, peer, tasks) -> Link:
        if not self.links.get(peer):
            stream, device = await self.reach(peer, PORT)
            tasks.start_soon(self.adopt(device, stream).run, name=f"with {peer.onion}")
        return self.links[peer][0]


# -- what the audit finds


class FaultyForTheAudit(FaultyOtherwise):
    """No fault."""

    caught_by = ARRIVES
    audited = True


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


FAULTS = [*FaultyForTheAudit.__subclasses__(), *FaultyOtherwise.__subclasses__()]
FAULTS.remove(FaultyForTheAudit)
