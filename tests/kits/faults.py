"""Faults for the small transport, one a class: what it does is its docstring, which test catches it its `caught_by`."""

from __future__ import annotations

import asyncio
import logging
import socket
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import anyio
from anyio import BrokenResourceError, EndOfStream

from balchat_host.api.errors import BadCredential
from balchat_host.api.transport import Outcome, Verdict
from balchat_host.api.types import DeviceIdentity, OnionKey
from tests.kits.line_transport import ACK, ENVELOPE, Frame, LineTransport, Link

if TYPE_CHECKING:
    from balchat_host.api.transport import Disposition, Outgoing

ARRIVES = "test_an_envelope_arrives_as_it_was"
logger = logging.getLogger(__name__)


class Faulty(LineTransport):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    """Whether the audit catches it, which needs real time, and threads."""
    link: ClassVar[type[Link]] = Link
    ended: ClassVar[list[object]] = []
    """What the audit's faults leave behind, for the test to end."""

    def make_link(self, device: DeviceIdentity, stream) -> Link:
        return self.link(self, device, stream)


# -- who is there


class NeverVerifies(Faulty):
    """Never verifies signatures: whoever claims to be somebody is believed."""

    caught_by = "test_whoever_claims_to_be_somebody_else_is_found_out"

    def check(self, peer, message, signature) -> None:
        pass


class VerifiesLate(Faulty):
    """Takes the first envelopes before the signature was verified."""

    caught_by = "test_whoever_claims_to_be_somebody_else_is_found_out"

    def check(self, peer, message, signature) -> None:
        self.tasks.start_soon(self.check_later, peer, message, signature)

    async def check_later(self, peer, message, signature) -> None:
        await anyio.sleep(1)
        with suppress(BadCredential):
            super().check(peer, message, signature)
            return
        await self.disconnect(peer)


class ReachableTooEarly(Faulty):
    """Says that a peer is within reach as soon as it dials."""

    caught_by = "test_nobody_is_within_reach_before_they_are_proven"

    def dialling(self, peer) -> None:
        self.early = peer

    def reachable(self, peer, device_id=None) -> bool:
        return super().reachable(peer, device_id) or getattr(self, "early", None) == peer


class TellsReachableTooEarly(Faulty):
    """Tells the host that a peer came within reach while it connects."""

    caught_by = "test_nobody_is_within_reach_before_they_are_proven"

    def dialling(self, peer) -> None:
        self.context.peer_changed(DeviceIdentity(peer=peer, device_id=bytes(16)), reachable=True)


class ReadsAnyRoute(Faulty):
    """Takes the octets of any route for an onion's."""

    caught_by = "test_a_route_that_cannot_be_read_leads_to_no_onion"

    def onion_of(self, peer, route):
        return OnionKey(route.address[:32])


class RunsAgain(Faulty):
    """Runs a second time on one object."""

    caught_by = "test_an_object_runs_once"

    def run_once(self) -> None:
        pass


class NeverStarted(Faulty):
    """Never calls `task_status.started()`."""

    caught_by = ARRIVES

    async def run(self, *, task_status) -> None:
        await anyio.sleep_forever()


class GreetsAlike(Faulty):
    """Asks everybody for the same proof, which whoever recorded it can show, too."""

    caught_by = "test_a_connection_that_is_played_again_is_nobodys"

    def nonce(self) -> bytes:
        return bytes(32)


class NeverAsksWhoIsThere(Faulty):
    """Never notices that a peer has fallen silent."""

    caught_by = "test_a_peer_of_whom_nothing_comes_any_more_is_gone"

    class link(Link):  # noqa: N801  # it stands for the attribute
        async def watch(self) -> None:
            pass


class CallsSilenceTheEnd(Faulty):
    """Takes a peer who has nothing to say for one who is gone."""

    caught_by = "test_a_peer_who_has_nothing_to_say_stays_within_reach"

    class link(Link):  # noqa: N801  # see above
        async def watch(self) -> None:
            await anyio.sleep(90)
            self.end()


class MissesTheBreak(Faulty):
    """Goes on saying that a peer is within reach when the stream has broken."""

    caught_by = "test_a_stream_that_breaks_is_noticed_on_both_sides"

    class link(Link):  # noqa: N801  # see above
        async def until_broken(self, part) -> None:
            try:
                await part()
            except BrokenResourceError:
                await anyio.sleep_forever()
            except (EndOfStream, OSError):
                self.scope.cancel()


# -- tickets


class BrokenSendLosesTickets(Faulty):
    """Forgets what it had not yet taken of a `send` when the way breaks."""

    caught_by = "test_a_send_that_breaks_loses_no_ticket"

    class link(Link):  # noqa: N801  # it stands for the attribute
        def settle(self, outgoing, taken) -> None:
            pass


class CancelledSendLosesTickets(Faulty):
    """Forgets what it had not yet taken of a `send` that is cancelled."""

    caught_by = "test_a_send_that_is_cancelled_has_taken_all_or_nothing"

    class link(Link):  # noqa: N801  # see above
        def settle(self, outgoing, taken) -> None:
            if self.over:
                super().settle(outgoing, taken)


class EndLosesTickets(Faulty):
    """Says nothing of what has no answer when the way breaks."""

    caught_by = "test_what_has_no_answer_when_it_stops_is_lost"

    class link(Link):  # noqa: N801  # see above
        def lose(self, tickets) -> None:
            pass


class SendsAgain(Faulty):
    """Sends again by itself what it called LOST."""

    caught_by = "test_what_is_lost_is_the_hosts_to_send_again"

    def __init__(self, context) -> None:
        super().__init__(context)
        self.again: list[Outgoing] = []

    class link(Link):  # noqa: N801  # see above
        def end(self) -> None:
            if not self.over:
                self.transport.again += self.waiting.values()
            super().end()

        async def submit(self, outgoing) -> None:
            again, self.transport.again = self.transport.again, []
            for each in [*again, *again]:
                self.put(Frame(ENVELOPE, 0, each.envelope))
            await super().submit(outgoing)


class TellsTwice(Faulty):
    """Reports LOST for what it has already reported as delivered."""

    caught_by = ARRIVES

    class link(Link):  # noqa: N801  # see above
        def answered(self, frame) -> None:
            outgoing = self.waiting.get(frame.number)
            super().answered(frame)
            if outgoing is not None:
                self.report(Outcome.LOST, outgoing.ticket)


class TellsTwiceAndHidesIt(Faulty):
    """Reports what is delivered twice, and swallows what the host raises then."""

    caught_by = ARRIVES

    class link(Link):  # noqa: N801  # see above
        def answered(self, frame) -> None:
            outgoing = self.waiting.get(frame.number)
            super().answered(frame)
            if outgoing is not None:
                with suppress(Exception):
                    self.report(Outcome.DELIVERED, outgoing.ticket)


class ForgetsSent(Faulty):
    """Never reports SENT."""

    caught_by = ARRIVES

    class link(Link):  # noqa: N801  # see above
        def report(self, outcome, *tickets, **more) -> None:
            if outcome is not Outcome.SENT:
                super().report(outcome, *tickets, **more)


# -- what is received


class AcknowledgesAtOnce(Faulty):
    """Acknowledges what arrived before the host has it."""

    caught_by = "test_delivered_comes_after_the_commit_however_long_that_takes"

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            for frame in batch:
                self.put(Frame(ACK, frame.number, b""))
            await super().hand_over(batch)

        def answer(self, frame, answer) -> None:
            pass


class AcknowledgesLate(Faulty):
    """Acknowledges after a while, whether the host has it or not."""

    caught_by = "test_delivered_comes_after_the_commit_however_long_that_takes"

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.acknowledge, batch)
                await super().hand_over(batch)

        async def acknowledge(self, batch) -> None:
            for _ in range(50):
                await anyio.lowlevel.checkpoint()
            for frame in batch:
                self.put(Frame(ACK, frame.number, b""))

        def answer(self, frame, answer) -> None:
            pass


class AcknowledgesWhatFailed(Faulty):
    """Acknowledges although `receive` raised."""

    caught_by = "test_what_the_host_could_not_take_is_not_acknowledged"

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            try:
                answers = await self.transport.context.receive(self.peer, [frame.payload for frame in batch])
            except Exception:  # noqa: BLE001  # that is the fault
                for frame in batch:
                    self.put(Frame(ACK, frame.number, b""))
            else:
                for frame, answer in zip(batch, answers, strict=True):
                    self.answer(frame, answer)


class TakesAnySize(Faulty):
    """Takes what is too large."""

    caught_by = "test_what_is_too_large_is_not_taken_from_others_either"

    class link(Link):  # noqa: N801  # see above
        def fits(self, size) -> bool:
            return True


class SendsAnySize(Faulty):
    """Sends what is too large instead of raising BadInput."""

    caught_by = "test_an_envelope_of_no_or_too_many_octets_is_our_own_mistake"
    largest = 2**31


class ReadsAheadWithoutEnd(Faulty):
    """Takes in as much as comes while nothing is committed."""

    caught_by = "test_it_takes_no_more_than_it_can_hold"

    class link(Link):  # noqa: N801  # see above
        queue = 2**40

        async def submit(self, outgoing) -> None:
            for each in outgoing:
                self.number += 1
                self.waiting[self.number] = each
                self.put(Frame(ENVELOPE, self.number, each.envelope), each.ticket)


class AnswersWhatIsIgnored(Faulty):
    """Acknowledges what the host ignores, and so tells that it is there."""

    caught_by = "test_nothing_is_said_about_what_was_ignored"

    class link(Link):  # noqa: N801  # see above
        def answer(self, frame: Frame, answer: Disposition) -> None:
            if answer.verdict is Verdict.IGNORED:
                self.put(Frame(ACK, frame.number, b""))
            else:
                super().answer(frame, answer)


class PassesReasonsOn(Faulty):
    """Tells others a reason that is no code."""

    caught_by = "test_a_reason_that_is_no_code_stays_at_home"

    class link(Link):  # noqa: N801  # see above
        def code(self, reason) -> str:
            return reason or ""


class MixesUpTheOrder(Faulty):
    """Sends the small ones first."""

    caught_by = "test_order_is_kept_whatever_the_sizes"

    class link(Link):  # noqa: N801  # see above
        async def submit(self, outgoing) -> None:
            await super().submit(sorted(outgoing, key=lambda each: len(each.envelope)))


class OneCommitEach(Faulty):
    """Has the host commit each envelope by itself."""

    caught_by = "test_envelopes_that_wait_for_one_commit_share_the_next"

    class link(Link):  # noqa: N801  # see above
        batch = 1


# -- what the audit finds


class Blocks(Faulty):
    """Blocks the event loop."""

    caught_by = ARRIVES
    audited = True

    def dialling(self, peer) -> None:
        time.sleep(0.001)


class BlocksAndHidesIt(Faulty):
    """Blocks the event loop, and swallows what a guard raises there."""

    caught_by = ARRIVES
    audited = True

    def dialling(self, peer) -> None:
        with suppress(Exception):
            time.sleep(0.001)


class LeavesATask(Faulty):
    """Leaves a task behind when it has ended."""

    caught_by = ARRIVES
    audited = True

    def dialling(self, peer) -> None:
        self.ended.append(asyncio.get_running_loop().create_task(anyio.sleep_forever()))


class LeavesAThread(Faulty):
    """Leaves a thread behind when it has ended."""

    caught_by = ARRIVES
    audited = True

    def dialling(self, peer) -> None:
        end = threading.Event()
        threading.Thread(target=end.wait).start()
        self.ended.append(end)


class LeavesASocket(Faulty):
    """Leaves a socket open when it has ended."""

    caught_by = ARRIVES
    audited = True

    def dialling(self, peer) -> None:
        self.ended.append(socket.socket(socket.AF_UNIX))


class KeepsAFile(Faulty):
    """Keeps state in a file beside the vault."""

    caught_by = ARRIVES
    audited = True

    def dialling(self, peer) -> None:
        self.tasks.start_soon(self.write)

    async def write(self) -> None:
        path = Path(tempfile.gettempdir()) / f"balchat-line-{id(self)}"
        await anyio.to_thread.run_sync(path.touch)
        self.ended.append(path)


class LogsPeers(Faulty):
    """Logs whom it talks to."""

    caught_by = ARRIVES
    audited = True

    def dialling(self, peer) -> None:
        logger.debug("dialling %s", peer.onion)


class LogsContents(Faulty):
    """Logs what envelopes hold."""

    caught_by = ARRIVES
    audited = True

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            logger.debug("received %r", batch[0].payload)
            await super().hand_over(batch)


class PrintsContents(Faulty):
    """Prints what envelopes hold."""

    caught_by = ARRIVES
    audited = True

    class link(Link):  # noqa: N801  # see above
        async def hand_over(self, batch) -> None:
            print(batch[0].payload)  # noqa: T201  # that is the fault
            await super().hand_over(batch)


class HasAProgramDial(Faulty):
    """Has another program connect, past the host's `dial`."""

    caught_by = ARRIVES
    audited = True

    def dialling(self, peer) -> None:
        self.tasks.start_soon(self.run_it)

    async def run_it(self) -> None:
        await anyio.run_process(["true"])


class DialsByItself(Faulty):
    """Opens a connection of its own, past the host's `dial`."""

    caught_by = ARRIVES
    audited = True

    def dialling(self, peer) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.setblocking(False)
            own.connect(("127.0.0.1", 9))


FAULTS = list(Faulty.__subclasses__())
