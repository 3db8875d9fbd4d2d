"""Faults of the small transport when something goes wrong, or somebody is not who they say they are."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from balchat_host.api.errors import BadCredential
from balchat_host.api.types import DeviceIdentity
from tests.kits.line_faults.faulty_line import Faulty
from tests.kits.line_transport import ACK, ENVELOPE, Frame, Link

if TYPE_CHECKING:
    from balchat_host.api.transport import Outgoing

GREETED = "test_whoever_claims_to_be_somebody_else_is_found_out"
NOT_TAKEN = "test_what_the_host_could_not_take_is_not_acknowledged"


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


class RunsAgain(Faulty):
    """Runs a second time on one object."""

    caught_by = "test_an_object_runs_once"

    def run_once(self) -> None:
        pass


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


class SwallowsCancellation(Faulty):
    """Returns from a `send` that was cancelled, as if it had taken all."""

    caught_by = "test_a_send_that_is_cancelled_while_it_connects_has_taken_nothing"

    async def send(self, peer, routes, outgoing) -> None:
        with suppress(anyio.get_cancelled_exc_class()):
            await super().send(peer, routes, outgoing)


class SendsAgainOnce(Faulty):
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


class SendsAgainAfterAStart(Faulty):
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


class StopHoldsASend(Faulty):
    """Leaves a `send` waiting when it stops."""

    caught_by = "test_a_send_that_waits_when_it_stops_loses_no_ticket"

    class link(Link):  # noqa: N801  # see above
        async def submit(self, outgoing) -> None:
            for each in outgoing:
                await super().submit([each])
                if self.over:
                    await anyio.sleep_forever()


class DisconnectForgetsASend(Faulty):
    """Forgets what it had not yet taken of a `send` when it is told to disconnect."""

    caught_by = "test_a_send_that_breaks_loses_no_ticket"

    async def disconnect(self, peer) -> None:
        for link in self.links.get(peer, []):
            link.settle = lambda outgoing, taken: None
        await super().disconnect(peer)


class AcknowledgesWhatTimedOut(Faulty):
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


class AcknowledgesAllButTheFirst(Faulty):
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


class BelievesWhoeverItKnows(Faulty):
    """Takes the signature of anybody whom it knows."""

    caught_by = GREETED

    def check(self, peer, message, signature) -> None:
        for each in self.links:
            with suppress(BadCredential):
                return super().check(each, message, signature)
        return super().check(peer, message, signature)


class BelievesUntilItHasLooked(Faulty):
    """Says that somebody came within reach, and looks at the signature then."""

    caught_by = GREETED

    def check(self, peer, message, signature) -> None:
        device = DeviceIdentity(peer=peer, device_id=bytes(16))
        self.context.peer_changed(device, reachable=True)
        try:
            super().check(peer, message, signature)
        finally:
            self.context.peer_changed(device, reachable=False)


class ASecondRunEndsTheFirst(Faulty):
    """Raises when it is run again, and takes away what the first run needs."""

    caught_by = "test_an_object_runs_once"

    async def run(self, *, task_status) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            self.tasks = None


class VerifiesOnce(Faulty):
    """Verifies who somebody is when they come for the first time, and never again."""

    caught_by = "test_whoever_claims_to_be_somebody_else_is_found_out"

    def __init__(self, context) -> None:
        super().__init__(context)
        self.known = set()

    def check(self, peer, message, signature) -> None:
        if peer not in self.known:
            super().check(peer, message, signature)
            self.known.add(peer)


class SendsAgainWhenTheyCome(Faulty):
    """Sends what it called LOST again when the peer comes by themselves."""

    caught_by = "test_what_is_lost_is_the_hosts_to_send_again"

    def __init__(self, context) -> None:
        super().__init__(context)
        self.again = []
        self.came = set()

    async def prove(self, stream):
        device = await super().prove(stream)
        self.came.add(device.peer)
        return device

    def adopt(self, device, stream) -> Link:
        link = super().adopt(device, stream)
        if device.peer in self.came:
            again, self.again = self.again, []
            for each in again:
                link.put(Frame(ENVELOPE, 0, each.envelope))
        return link

    class link(Link):  # noqa: N801  # see above
        def end(self) -> None:
            if not self.over:
                self.transport.again += self.waiting.values()
            super().end()
