"""Faults of how a network starts, ends, and bears an outage."""

from __future__ import annotations

import asyncio

import anyio
from anyio import TASK_STATUS_IGNORED

from balchat_host.api.types import ONLINE, STOPPED
from balchat_host.testing.virtual_network import VirtualService
from tests.kits.network_faults.faulty_network import FaultyNode


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
