"""Faults of how a network publishes and dials."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import time
from contextlib import suppress
from hashlib import sha512
from typing import Final

import anyio
from anyio import TASK_STATUS_IGNORED
from blockbuster import BlockingError

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.types import ONLINE, STOPPED, OnionKey, Phase, Secret, ServiceState
from balchat_host.testing.network_services import NO_KEY
from balchat_host.testing.virtual_network import VirtualService, onion_of
from tests.kits.network_faults.faulty_network import FaultyNode

logger = logging.getLogger(__name__)
LEFT: Final[list[socket.socket]] = []
"""What a fault leaves open: nothing else closes it."""


class OnlineTooEarly(FaultyNode):
    """Says that a service is online before it can be found."""

    caught_by = "test_a_service_starts_and_comes_online"

    async def publish(self, key, port, *, on_state):
        service = VirtualService(self, onion_of(key), port, backlog=self._world.backlog, on_state=on_state)
        service.become(ONLINE)
        return service


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

    caught_by = "test_what_is_done_to_one_service_leaves_another_alone"

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

    caught_by = "test_streams_that_nobody_accepts_are_bounded_and_end_with_their_service"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        service.incoming._backlog = 10_000
        return service


class AnswersAfterItsEnd(FaultyNode):
    """Leaves its services where they can be found when it has ended."""

    caught_by = "test_the_end_of_one_network_ends_what_is_its_own_alone"

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


class WritesKeys(FaultyNode):
    """Writes the key of what it publishes to the disk."""

    caught_by = "test_nothing_of_keys_and_addresses_is_written"

    async def publish(self, key, port, *, on_state):
        (self.folder / "state").write_text(f"key = {key.reveal().hex()}")  # not the fault meant here
        return await super().publish(key, port, on_state=on_state)


class LogsAddresses(FaultyNode):
    """Logs whom it dials."""

    caught_by = "test_dials_with_different_isolation_reach_the_same_peer"
    audited = True

    async def dial(self, address, port, *, isolation):
        logger.info("dialling %s", address.onion)
        return await super().dial(address, port, isolation=isolation)


class EndsEverybody(FaultyNode):
    """Ends everybody's streams when it ends."""

    caught_by = "test_the_end_of_one_network_ends_what_is_its_own_alone"

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            for wire in self._world._live():
                wire.ends[0].tear()


class DialsAnotherPort(FaultyNode):
    """Reaches the first service that an address has, whichever port is asked for."""

    caught_by = "test_two_addresses_and_two_ports_are_told_apart"

    async def dial(self, address, port, *, isolation):
        known = [each[1] for each in self._world._services if each[0] == address]
        return await super().dial(address, known[0] if known else port, isolation=isolation)


class AnswersAtAnotherKey(FaultyNode):
    """Answers at the address of another key than the one that it is given."""

    caught_by = "test_a_service_starts_and_comes_online"

    async def publish(self, key, port, *, on_state):
        return await super().publish(Secret(key.reveal()[::-1]), port, on_state=on_state)


class ServiceDoesNotTellItsEnd(FaultyNode):
    """Does not tell that a service has been taken back."""

    caught_by = "test_a_service_starts_and_comes_online"

    async def publish(self, key, port, *, on_state):
        return await super().publish(key, port, on_state=lambda state: state != STOPPED and on_state(state))


class NamesAnAddressInAState(FaultyNode):
    """Names the address of a service in what it says of its state."""

    caught_by = "test_a_service_starts_and_comes_online"

    async def publish(self, key, port, *, on_state):
        on_state(ServiceState(phase=Phase.STARTING, reason=f"publishing {onion_of(key).onion}"))
        return await super().publish(key, port, on_state=on_state)


class BlocksInPublish(FaultyNode):
    """Blocks the event loop while it publishes, and swallows what a guard raises there."""

    caught_by = "test_a_service_starts_and_comes_online"
    audited = True

    async def publish(self, key, port, *, on_state):
        with suppress(BlockingError):
            time.sleep(0.001)  # noqa: ASYNC251  # that is the fault
        return await super().publish(key, port, on_state=on_state)


class LeavesASocket(FaultyNode):
    """Leaves a socket open for each service that it has published."""

    caught_by = "test_a_service_starts_and_comes_online"
    audited = True

    async def publish(self, key, port, *, on_state):
        LEFT.append(socket.socket())
        return await super().publish(key, port, on_state=on_state)


class LeavesAFile(FaultyNode):
    """Leaves a file beside its directory."""

    caught_by = "test_a_service_starts_and_comes_online"
    audited = True

    async def publish(self, key, port, *, on_state):
        path = anyio.Path(tempfile.gettempdir(), f"balchat-planted-{os.getpid()}")
        await path.write_text("state")
        return await super().publish(key, port, on_state=on_state)


class LogsKeys(FaultyNode):
    """Logs the key of what it publishes."""

    caught_by = "test_a_service_starts_and_comes_online"
    audited = True

    async def publish(self, key, port, *, on_state):
        logger.debug("publishing with %s", key.reveal().hex())
        return await super().publish(key, port, on_state=on_state)


class LogsIsolation(FaultyNode):
    """Logs what a stream is isolated by, which may be the name of a peer."""

    caught_by = "test_dials_with_different_isolation_reach_the_same_peer"
    audited = True

    async def dial(self, address, port, *, isolation):
        logger.debug("dialling for %s", isolation)
        return await super().dial(address, port, isolation=isolation)


class NamesAnAddressInAnError(FaultyNode):
    """Says in an error whom it could not reach."""

    caught_by = "test_nobody_there_is_said_so"

    async def dial(self, address, port, *, isolation):
        try:
            return await super().dial(address, port, isolation=isolation)
        except PeerUnreachable:
            raise PeerUnreachable(problem=f"{address.onion} does not answer") from None


class ChokesOnABadKey(FaultyNode):
    """Raises an error of its own for an address that is no key."""

    caught_by = "test_nobody_there_is_said_so"

    async def dial(self, address, port, *, isolation):
        if address == NO_KEY:
            raise ValueError("no point of the curve")
        return await super().dial(address, port, isolation=isolation)

    failures = (ValueError,)


class MixesDialsUp(FaultyNode):
    """Gives two who dial at the same time each other's stream, and both to one of them."""

    caught_by = "test_each_dial_gets_a_stream_of_its_own"
    newest = None

    async def dial(self, address, port, *, isolation):
        self.newest = await super().dial(address, port, isolation=isolation)
        await anyio.lowlevel.checkpoint()
        return self.newest


class KeepsATaskOfEachDial(FaultyNode):
    """Leaves a task behind for each dial that was given up."""

    caught_by = "test_dials_that_are_given_up_leave_nothing"

    async def dial(self, address, port, *, isolation):
        stream = await super().dial(address, port, isolation=isolation)
        self._tasks.start_soon(anyio.sleep_forever)
        return stream


class KeepsTheStreamOfADialGivenUp(FaultyNode):
    """Leaves the stream open of a dial that was given up."""

    caught_by = "test_dials_that_are_given_up_leave_nothing"

    async def dial(self, address, port, *, isolation):
        stream = await super().dial(address, port, isolation=isolation)
        for _ in range(4):
            await anyio.lowlevel.checkpoint()
        return stream


class TakesNoHighPorts(FaultyNode):
    """Takes a port for a number of fifteen bits."""

    caught_by = "test_two_addresses_and_two_ports_are_told_apart"

    async def dial(self, address, port, *, isolation):
        return await super().dial(address, port & 0x7FFF, isolation=isolation)


class OneQueueForAll(FaultyNode):
    """Gives the streams of all its services to whoever accepts first."""

    caught_by = "test_two_addresses_and_two_ports_are_told_apart"
    first = None

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        self.first = self.first or service.incoming
        service.incoming = self.first
        return service


class LeavesWhatWaits(FaultyNode):
    """Leaves the streams open that wait at a service when it is closed."""

    caught_by = "test_streams_that_nobody_accepts_are_bounded_and_end_with_their_service"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        close = service.incoming.close
        service.incoming.close = lambda: close() and []
        return service


class LeavesWhoAccepts(FaultyNode):
    """Leaves whoever waits for a stream waiting when it ends."""

    caught_by = "test_the_end_of_one_network_ends_what_is_its_own_alone"

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            for service in self.left:
                service.become(STOPPED)

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        service.close = lambda: self.services.remove(service) or self._world.remove(service)
        self.left.append(service)
        return service

    def __init__(self, *given, **named) -> None:
        super().__init__(*given, **named)
        self.left: list[VirtualService] = []


class WritesExpandedKeys(FaultyNode):
    """Writes the key of what it publishes to the disk in the form that tor keeps it in."""

    caught_by = "test_nothing_of_keys_and_addresses_is_written"

    async def publish(self, key, port, *, on_state):
        await anyio.Path(self.folder / "key").write_bytes(sha512(key.reveal()).digest())
        return await super().publish(key, port, on_state=on_state)


class WritesWhomItDials(FaultyNode):
    """Keeps the addresses that it has dialled in a file."""

    caught_by = "test_nothing_of_keys_and_addresses_is_written"

    async def dial(self, address, port, *, isolation):
        await anyio.Path(self.folder / "known").write_text(address.onion)
        return await super().dial(address, port, isolation=isolation)


class WithdrawsAllPorts(FaultyNode):
    """Takes an address back when one of its ports is closed."""

    caught_by = "test_what_is_done_to_one_service_leaves_another_alone"

    def withdraw(self, service) -> None:
        super().withdraw(service)
        for each in self.services:
            if each.address == service.address:
                self._world.remove(each)


class DialsAtOnceOrNever(FaultyNode):
    """Raises NetworkUnavailable when somebody dials while it starts."""

    caught_by = "test_a_dial_waits_until_the_network_is_there"

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        self._wanted = ServiceState(phase=Phase.STARTING)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._come_online)
            await super().run(task_status=task_status)

    async def _come_online(self) -> None:
        await anyio.sleep(1)
        self.come_online()

    async def dial(self, address, port, *, isolation):
        if self.state != ONLINE and not self.services:
            raise NetworkUnavailable(problem="it is not online", remedy="Wait until it is.")
        return await super().dial(address, port, isolation=isolation)
