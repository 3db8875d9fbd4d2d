"""Faults of how a network dials, and of whom it reaches."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

import anyio
from anyio import TASK_STATUS_IGNORED
from blockbuster import BlockingError

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.types import ONLINE, OnionKey, Phase, ServiceState
from balchat_host.testing.network_services import NO_KEY
from balchat_host.testing.virtual_network import onion_of
from tests.kits.network_faults.faulty_network import FaultyNode

logger = logging.getLogger(__name__)


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


class LogsAddresses(FaultyNode):
    """Logs whom it dials."""

    caught_by = "test_dials_with_different_isolation_reach_the_same_peer"
    audited = True

    async def dial(self, address, port, *, isolation):
        logger.info("dialling %s", address.onion)
        return await super().dial(address, port, isolation=isolation)


class DialsAnotherPort(FaultyNode):
    """Reaches the first service that an address has, whichever port is asked for."""

    caught_by = "test_two_addresses_and_two_ports_are_told_apart"

    async def dial(self, address, port, *, isolation):
        known = [each[1] for each in self._world._services if each[0] == address]
        return await super().dial(address, known[0] if known else port, isolation=isolation)


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


class DialsAtOnceOrNever(FaultyNode):
    """Raises NetworkUnavailable when somebody dials while it starts."""

    caught_by = "test_one_network_ends_and_another_starts_beside_it"

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


# -- what is told of a service


class AnswersAtOnePortOfAKey(FaultyNode):
    """Takes a port back when another one is published of the same key."""

    caught_by = "test_two_addresses_and_two_ports_are_told_apart"

    async def publish(self, key, port, *, on_state):
        for service in self.services:
            if service.address == onion_of(key):
                self._world.remove(service)
        return await super().publish(key, port, on_state=on_state)


class GivesOneStreamToTwo(FaultyNode):
    """Gives one stream to all who wait for one."""

    caught_by = "test_each_dial_gets_a_stream_of_its_own"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        accept, kept, waiting = service.accept, [], []

        async def faulty():
            waiting.append(None)
            if len(waiting) > 1 and kept:
                await anyio.lowlevel.checkpoint()
                return kept[0]
            kept.append(await accept())
            return kept[0]

        service.accept = faulty
        return service


# -- what a dial raises, and what it takes


class WaitsForWhoIsNotThere(FaultyNode):
    """Waits for ever for whoever is not there."""

    caught_by = "test_nobody_there_is_said_so"

    async def dial(self, address, port, *, isolation):
        self._running()
        await self._world.wait_for(lambda: (address, port) in self._world._services)
        return await super().dial(address, port, isolation=isolation)


class RaisesAGroup(FaultyNode):
    """Raises a group of errors where nobody answers, as task groups do."""

    caught_by = "test_nobody_there_is_said_so"

    async def dial(self, address, port, *, isolation):
        try:
            return await super().dial(address, port, isolation=isolation)
        except PeerUnreachable as error:
            raise ExceptionGroup("no attempt got through", [error]) from None


class NamesAnIsolationInAnError(FaultyNode):
    """Says in an error by what the stream was to be isolated."""

    caught_by = "test_nobody_there_is_said_so"

    async def dial(self, address, port, *, isolation):
        try:
            return await super().dial(address, port, isolation=isolation)
        except PeerUnreachable:
            raise PeerUnreachable(problem=f"no circuit for {isolation}") from None


class NamesAnAddressInHexadecimal(FaultyNode):
    """Says in an error in hexadecimal whom it could not reach."""

    caught_by = "test_nobody_there_is_said_so"

    async def dial(self, address, port, *, isolation):
        try:
            return await super().dial(address, port, isolation=isolation)
        except PeerUnreachable:
            raise PeerUnreachable(problem=f"{address.octets.hex()} does not answer") from None


class TakesShortIsolations(FaultyNode):
    """Takes no isolation that is longer than the user name of a SOCKS proxy."""

    caught_by = "test_dials_with_different_isolation_reach_the_same_peer"
    failures = (ValueError,)

    async def dial(self, address, port, *, isolation):
        if len(isolation.encode()) > 255:
            raise ValueError("it is longer than 255 octets")
        return await super().dial(address, port, isolation=isolation)


class TakesAsciiIsolations(FaultyNode):
    """Takes no isolation with another letter than those of ASCII."""

    caught_by = "test_dials_with_different_isolation_reach_the_same_peer"
    failures = (UnicodeEncodeError,)

    async def dial(self, address, port, *, isolation):
        isolation.encode("ascii")
        return await super().dial(address, port, isolation=isolation)


class BlocksInDial(FaultyNode):
    """Blocks the event loop while it dials."""

    caught_by = "test_dials_with_different_isolation_reach_the_same_peer"
    audited = True

    async def dial(self, address, port, *, isolation):
        with suppress(BlockingError):
            time.sleep(0.001)  # noqa: ASYNC251  # that is the fault
        return await super().dial(address, port, isolation=isolation)


# -- what is written
