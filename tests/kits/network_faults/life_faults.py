"""Faults of how a network starts, ends, and bears an outage."""

from __future__ import annotations

import asyncio
import subprocess
from typing import Final

import anyio
from anyio import TASK_STATUS_IGNORED

from balchat_host.api.errors import NetworkUnavailable
from balchat_host.api.types import ONLINE, STOPPED, Phase, ServiceState
from balchat_host.testing.incoming import Incoming
from balchat_host.testing.virtual_network import VirtualService
from tests.kits.network_faults.faulty_network import FaultyNode

PROCESSES: Final[list[subprocess.Popen[bytes]]] = []
"""What faults leave behind, for the test to end."""


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


class WorksWithoutRunning(FaultyNode):
    """Publishes although it does not run."""

    caught_by = "test_a_network_that_does_not_run_says_so"

    def _running(self):
        return self._tasks or NoTasks()


class NoTasks:
    def start_soon(self, *given) -> None:
        pass


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


class LeavesATask(FaultyNode):
    """Leaves a task behind when it has ended."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"
    audited = True

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        self.left = asyncio.get_running_loop().create_task(anyio.sleep_forever())
        await super().run(task_status=task_status)


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

    def withdraw(self, service) -> None:
        if service in self.services:
            super().withdraw(service)


class LingersWhenCancelled(FaultyNode):
    """Goes on for half a minute when it is cancelled."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(30)


class WaitsUntilItRuns(FaultyNode):
    """Waits for ever when somebody dials who has not started it."""

    caught_by = "test_a_network_that_does_not_run_says_so"

    async def dial(self, address, port, *, isolation):
        if self._tasks is None:
            await anyio.sleep_forever()
        return await super().dial(address, port, isolation=isolation)


class IsDegradedWithoutAReason(FaultyNode):
    """Does not say why it is degraded."""

    caught_by = "test_it_mends_itself_after_an_outage"

    def go_offline(self, reason="") -> None:
        super().go_offline(reason)


class TellsFromAThread(FaultyNode):
    """Tells how it is from a thread that is not the event loop's."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        await anyio.to_thread.run_sync(self._on_state, STOPPED)
        await super().run(task_status=task_status)


class PublishesWhatWasClosed(FaultyNode):
    """Publishes after an outage what was closed while the network was away."""

    caught_by = "test_publishing_does_not_wait_for_the_network"

    def withdraw(self, service) -> None:
        super().withdraw(service)
        if self.state != ONLINE and self._tasks:
            ghost = VirtualService(self, service.address, service.port, backlog=100, on_state=lambda state: None)
            self.services.append(ghost)
            self._world.add(ghost)


class IsNotWhatItTells(FaultyNode):
    """Has another state than it tells."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"

    @property
    def state(self):
        return ServiceState(phase=Phase.STARTING) if self._state == ONLINE else self._state


class LeavesWhoDials(FaultyNode):
    """Leaves whoever dials waiting for ever when it ends."""

    caught_by = "test_a_network_that_does_not_run_says_so"

    async def dial(self, address, port, *, isolation):
        await anyio.lowlevel.checkpoint()
        self._running()
        await self._world.wait_for(lambda: (address, port) in self._world._services)
        return await super().dial(address, port, isolation=isolation)


class NeedsToRunForTheDoctor(FaultyNode):
    """Has something to say to `balchat doctor` only while it runs."""

    caught_by = "test_the_doctor_finds_it_well"

    async def checks(self):
        self._running()
        return await super().checks()


class TellsTheDoctorNothingWhileItRuns(FaultyNode):
    """Finds a problem in that it runs already."""

    caught_by = "test_the_doctor_finds_it_well"

    async def checks(self):
        if self._tasks is not None:
            raise NetworkUnavailable(problem="somebody runs it", remedy="Stop it first.")
        return await super().checks()


class StartsForTheDoctor(FaultyNode):
    """Starts when it is looked at."""

    caught_by = "test_the_doctor_finds_it_well"

    async def checks(self):
        if self._tasks is None:
            self._state = ONLINE
        return await super().checks()


class HidesItFromServices(FaultyNode):
    """Says of its services that they are online while the network is away."""

    caught_by = "test_it_mends_itself_after_an_outage"

    def _become(self, state) -> None:
        services, self.services = self.services, []
        super()._become(state)
        self.services = services


class StreamsSleepThroughAnOutage(FaultyNode):
    """Lets streams fall silent when the network is away, and never says that they have ended."""

    caught_by = "test_it_mends_itself_after_an_outage"

    def go_offline(self, reason="the network is away") -> None:
        for wire in self._world._live():
            wire.ends[0].hush(silent=True)
        self._wanted = ServiceState(phase=Phase.DEGRADED, reason=reason)
        self._become(self._wanted)


class EndsWhoAcceptsInAnOutage(FaultyNode):
    """Ends whoever waits for a stream when the network is away."""

    caught_by = "test_it_mends_itself_after_an_outage"

    def go_offline(self, reason="the network is away") -> None:
        super().go_offline(reason)
        for service in self.services:
            service.incoming.close()


class ForgetsWhoAccepts(FaultyNode):
    """Gives nothing to whoever waited for a stream before an outage."""

    caught_by = "test_it_mends_itself_after_an_outage"

    def come_online(self) -> None:
        for service in self.services:
            service.incoming = Incoming(self._world.backlog)
        super().come_online()


class NamesAddressesInHexadecimal(FaultyNode):
    """Says in hexadecimal which service it cannot be found at in an outage."""

    caught_by = "test_it_mends_itself_after_an_outage"

    def go_offline(self, reason="") -> None:
        super().go_offline(f"gone with {[service.address.octets.hex() for service in self.services]}")


class LeavesAProcess(FaultyNode):
    """Leaves a program running when it has ended."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"
    audited = True
    tells = "a child process"

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        PROCESSES.append(await anyio.to_thread.run_sync(subprocess.Popen, ["sleep", "1000"]))
        await super().run(task_status=task_status)
