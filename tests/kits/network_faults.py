"""Faults for the network in memory, one a class, with what it does as docstring and the test that catches it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

import anyio
from anyio import TASK_STATUS_IGNORED, BrokenResourceError

from balchat_host.api.types import ONLINE, STOPPED, OnionKey
from balchat_host.testing.virtual_network import VirtualNetwork, VirtualNode, VirtualService, onion_of
from balchat_host.testing.virtual_stream import VirtualStream

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)


class FaultyNode(VirtualNode):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    folder: Path
    """Where it may write."""


class NeverOnline(FaultyNode):
    """Never comes online."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"

    def _become(self, state) -> None:
        if state != ONLINE:
            super()._become(state)


class NeverStopped(FaultyNode):
    """Does not say that it has stopped."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"

    def _become(self, state) -> None:
        if state != STOPPED:
            super()._become(state)


class OnlineTooEarly(FaultyNode):
    """Says that a service is online before it can be found."""

    caught_by = "test_a_service_starts_and_comes_online"

    async def publish(self, key, port, *, on_state):
        service = VirtualService(self, onion_of(key), port, backlog=self._world.backlog, on_state=on_state)
        service.become(ONLINE)
        return service


class LosesAnOctet(FaultyNode):
    """Loses the last octet of a large piece."""

    caught_by = "test_octets_pass_both_ways_whole_and_in_order"

    async def dial(self, address, port, *, isolation):
        return Losing(await super().dial(address, port, isolation=isolation))


class Losing(VirtualStream):
    def __init__(self, stream) -> None:
        self.stream = stream

    async def send(self, item) -> None:
        await self.stream.send(item[:-1] if len(item) > 100_000 else item)

    async def receive(self, max_bytes=65536):
        return await self.stream.receive(max_bytes)

    async def aclose(self) -> None:
        await self.stream.aclose()


class OneStreamForAll(FaultyNode):
    """Gives everybody who dials the same stream."""

    caught_by = "test_each_dial_gets_a_stream_of_its_own"
    stream = None

    async def dial(self, address, port, *, isolation):
        if self.stream is None:
            self.stream = await super().dial(address, port, isolation=isolation)
        else:
            await super().dial(address, port, isolation=isolation)
        return self.stream


class RefusesIsolation(FaultyNode):
    """Reaches nobody with another isolation than the first."""

    caught_by = "test_dials_with_different_isolation_reach_the_same_peer"
    first = None

    async def dial(self, address, port, *, isolation):
        self.first = isolation if self.first is None else self.first
        if isolation != self.first:
            address = OnionKey(bytes(31) + b"\1")
        return await super().dial(address, port, isolation=isolation)


class OtherError(FaultyNode):
    """Raises an error of its own where nobody answers."""

    caught_by = "test_nobody_there_is_said_so"

    async def dial(self, address, port, *, isolation):
        try:
            return await super().dial(address, port, isolation=isolation)
        except Exception:  # noqa: BLE001  # that is the fault
            raise ConnectionRefusedError from None


class MixesPorts(FaultyNode):
    """Answers at every port."""

    caught_by = "test_nobody_there_is_said_so"

    async def dial(self, address, port, *, isolation):
        ports = [known for onion, known in self._world._services if onion == address]
        return await super().dial(address, ports[0] if ports else port, isolation=isolation)


class ClosesAll(FaultyNode):
    """Ends the streams of all services when one is closed."""

    caught_by = "test_what_is_done_to_one_service_ends_no_stream_of_another"

    def withdraw(self, service) -> None:
        super().withdraw(service)
        self._world.end_streams_of(self, torn=True)


class AnswersWhenClosed(FaultyNode):
    """Leaves a service where it can be found when it is closed."""

    caught_by = "test_a_closed_service_is_gone"

    def withdraw(self, service) -> None:
        super().withdraw(service)
        ghost = VirtualService(self, service.address, service.port, backlog=100, on_state=lambda state: None)
        ghost.become(ONLINE)
        self._world.add(ghost)


class PublishesOnce(FaultyNode):
    """Publishes no address a second time."""

    caught_by = "test_a_closed_service_can_be_published_again"

    async def publish(self, key, port, *, on_state):
        again = hasattr(self, "published")
        self.published = True
        service = await super().publish(key, port, on_state=on_state)
        if again:
            self._world.remove(service)
        return service


class TakesAnyNumber(FaultyNode):
    """Lets any number of streams wait to be accepted."""

    caught_by = "test_streams_that_nobody_accepts_are_bounded"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        service.incoming._backlog = 10_000
        return service


class AnswersAfterItsEnd(FaultyNode):
    """Leaves its services where they can be found when it has ended."""

    caught_by = "test_nothing_answers_after_its_end"

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            for service in self.left:
                service.become(ONLINE)
                self._world.add(service)

    def withdraw(self, service) -> None:
        super().withdraw(service)
        self.left.append(service)

    def __init__(self, *given, **named) -> None:
        super().__init__(*given, **named)
        self.left: list[VirtualService] = []


class WorksWithoutRunning(FaultyNode):
    """Publishes although it does not run."""

    caught_by = "test_a_network_that_does_not_run_says_so"

    def _running(self):
        return self._tasks or NoTasks()


class NoTasks:
    def start_soon(self, *given) -> None:
        pass


class WritesKeys(FaultyNode):
    """Writes the key of what it publishes to the disk."""

    caught_by = "test_nothing_of_a_key_is_written"

    async def publish(self, key, port, *, on_state):
        (self.folder / "state").write_text(f"key = {key.reveal().hex()}")  # not the fault meant here
        return await super().publish(key, port, on_state=on_state)


class NothingForTheDoctor(FaultyNode):
    """Has nothing to say to `balchat doctor`."""

    caught_by = "test_the_doctor_finds_it_well"

    async def checks(self):
        return []


class HidesAnOutage(FaultyNode):
    """Stays online in its own eyes when the network is away."""

    caught_by = "test_it_mends_itself_after_an_outage"

    def go_offline(self, reason="") -> None:
        self._world.end_streams_of(self, torn=True)


class DoesNotMend(FaultyNode):
    """Does not publish again after an outage."""

    caught_by = "test_it_mends_itself_after_an_outage"

    def come_online(self) -> None:
        self._become(ONLINE)


class LogsAddresses(FaultyNode):
    """Logs whom it dials."""

    caught_by = "test_dials_with_different_isolation_reach_the_same_peer"
    audited = True

    async def dial(self, address, port, *, isolation):
        logger.info("dialling %s", address.onion)
        return await super().dial(address, port, isolation=isolation)


class LeavesATask(FaultyNode):
    """Leaves a task behind when it has ended."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"
    audited = True

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        self.left = asyncio.get_running_loop().create_task(anyio.sleep_forever())
        await super().run(task_status=task_status)


# -- streams


class HoldsWithoutBound(FaultyNode):
    """Takes what is written to a stream that nobody reads."""

    caught_by = "test_where_nobody_reads_no_more_can_be_written"

    async def dial(self, address, port, *, isolation):
        self._world.capacity = 2**40
        return await super().dial(address, port, isolation=isolation)


class ForgetsLastWords(FaultyNode):
    """Throws away what is on its way when a stream is closed."""

    caught_by = "test_what_was_written_before_the_end_is_read"

    async def dial(self, address, port, *, isolation):
        return Forgetting(await super().dial(address, port, isolation=isolation))


class Forgetting(Losing):
    async def send(self, item) -> None:
        await self.stream.send(item)

    async def aclose(self) -> None:
        self.stream.tear()
        await self.stream.aclose()


class TellsNoWriter(FaultyNode):
    """Lets whoever writes go on when nobody is there any more."""

    caught_by = "test_writing_to_whoever_is_gone_is_said_so"

    async def dial(self, address, port, *, isolation):
        return Deaf(await super().dial(address, port, isolation=isolation))


class Deaf(Losing):
    async def send(self, item) -> None:
        await anyio.lowlevel.checkpoint()
        with suppress(BrokenResourceError):
            await self.stream.send(item)


class GivesAllThatIsThere(FaultyNode):
    """Gives all that has come, however little is asked for."""

    caught_by = "test_no_more_octets_come_than_are_asked_for"

    async def dial(self, address, port, *, isolation):
        return Generous(await super().dial(address, port, isolation=isolation))


class Generous(Losing):
    async def receive(self, max_bytes=65536):
        return await self.stream.receive(65536)


class LosesAStreamThatNobodyAwaits(FaultyNode):
    """Gives the next stream to whoever has given up waiting for one."""

    caught_by = "test_waiting_for_a_stream_can_be_given_up"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        accept, given_up = service.accept, []

        async def faulty():
            try:
                for _ in given_up:
                    await accept()
                return await accept()
            except anyio.get_cancelled_exc_class():
                given_up.append(None)
                raise

        service.accept = faulty
        return service


class EndsEverybody(FaultyNode):
    """Ends everybody's streams when it ends."""

    caught_by = "test_the_end_of_one_network_ends_no_stream_of_others"

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            for wire in self._world._live():
                wire.ends[0].tear()


class TellsNobodyOfItsState(FaultyNode):
    """Knows how it is, and does not tell."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"

    def _become(self, state) -> None:
        self._state = state


class OnlineAfterItsEnd(FaultyNode):
    """Says that it is online when it has stopped."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            self._on_state(ONLINE)


class DialsAnotherPort(FaultyNode):
    """Reaches the first service that an address has, whichever port is asked for."""

    caught_by = "test_two_addresses_and_two_ports_are_told_apart"

    async def dial(self, address, port, *, isolation):
        known = [each[1] for each in self._world._services if each[0] == address]
        return await super().dial(address, known[0] if known else port, isolation=isolation)


class WaitsInPublish(FaultyNode):
    """Returns from `publish` once the service can be found."""

    caught_by = "test_publishing_does_not_wait_for_the_network"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        await self._world.wait_for(lambda: service.state == ONLINE)
        return service


class PublishesNothingInAnOutage(FaultyNode):
    """Forgets what is published while the network is away."""

    caught_by = "test_publishing_does_not_wait_for_the_network"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        if self.state != ONLINE:
            self.services.remove(service)
        return service


FAULTS = list(FaultyNode.__subclasses__())


class FaultyNetwork(VirtualNetwork):
    """A network whose nodes have a fault."""

    def __init__(self, make: type[FaultyNode], folder: Path) -> None:
        super().__init__()
        self.make = make
        self.folder = folder

    def node(self, *, on_state=lambda state: None, online=True) -> FaultyNode:
        node = self.make(self, on_state=on_state, online=online)
        node.folder = self.folder
        return node
