"""Faults of how a network publishes, and of who accepts."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import time
from contextlib import suppress
from typing import Final

import anyio
from anyio import TASK_STATUS_IGNORED
from blockbuster import BlockingError

from balchat_host.api.types import ONLINE, STOPPED, Phase, Secret, ServiceState
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


class ClosesAll(FaultyNode):
    """Ends the streams of all services when one is closed."""

    caught_by = "test_what_is_done_to_one_service_leaves_another_alone"

    def withdraw(self, service) -> None:
        super().withdraw(service)
        self._world.end_streams_of(self, torn=True)


class AnswersWhenClosed(FaultyNode):
    """Leaves a service where it can be found when it is closed."""

    caught_by = "test_what_is_done_to_one_service_leaves_another_alone"

    def withdraw(self, service) -> None:
        super().withdraw(service)
        ghost = VirtualService(self, service.address, service.port, backlog=100, on_state=lambda state: None)
        ghost.become(ONLINE)
        self._world.add(ghost)


class PublishesOnce(FaultyNode):
    """Publishes no address a second time."""

    caught_by = "test_a_closed_service_ends_and_can_be_published_again"

    async def publish(self, key, port, *, on_state):
        again = hasattr(self, "published")
        self.published = True
        service = await super().publish(key, port, on_state=on_state)
        if again:
            self._world.remove(service)
        return service


class AnswersAfterItsEnd(FaultyNode):
    """Leaves its services where they can be found when it has ended."""

    caught_by = "test_one_network_ends_and_another_starts_beside_it"

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


class EndsEverybody(FaultyNode):
    """Ends everybody's streams when it ends."""

    caught_by = "test_one_network_ends_and_another_starts_beside_it"

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            for wire in self._world._live():
                wire.ends[0].tear()


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


class LeavesWhoAccepts(FaultyNode):
    """Leaves whoever waits for a stream waiting when it ends."""

    caught_by = "test_one_network_ends_and_another_starts_beside_it"

    async def run(self, *, task_status=TASK_STATUS_IGNORED) -> None:
        try:
            await super().run(task_status=task_status)
        finally:
            for service in self.left:
                service.become(STOPPED)

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        service.close = lambda: service in self.services and super(LeavesWhoAccepts, self).withdraw(service)
        self.left.append(service)
        return service

    def __init__(self, *given, **named) -> None:
        super().__init__(*given, **named)
        self.left: list[VirtualService] = []


class WithdrawsAllPorts(FaultyNode):
    """Takes an address back when one of its ports is closed."""

    caught_by = "test_what_is_done_to_one_service_leaves_another_alone"

    def withdraw(self, service) -> None:
        super().withdraw(service)
        for each in self.services:
            if each.address == service.address:
                self._world.remove(each)


class ServiceComesBack(FaultyNode):
    """Says that a service is online once more when it has been taken back."""

    caught_by = "test_a_service_starts_and_comes_online"

    def withdraw(self, service) -> None:
        super().withdraw(service)
        if self._tasks is not None:
            self._tasks.start_soon(self._say_online, service)

    async def _say_online(self, service) -> None:
        service._on_state(ONLINE)


class ServiceIsNotWhatItTells(FaultyNode):
    """Tells that a service is online, and says that it is starting when it is asked."""

    caught_by = "test_a_service_starts_and_comes_online"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        service.__class__ = _Starting
        return service


class _Starting(VirtualService):
    @property
    def state(self):
        return ServiceState(phase=Phase.STARTING) if self._state == ONLINE else self._state


class TellsOfServicesFromAThread(FaultyNode):
    """Tells how a service is from a thread that is not the event loop's."""

    caught_by = "test_a_service_starts_and_comes_online"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        await anyio.to_thread.run_sync(on_state, service.state)
        return service


class ClosesServicesOnce(FaultyNode):
    """Raises when a service is closed twice."""

    caught_by = "test_a_closed_service_ends_and_can_be_published_again"
    failures = (ValueError,)

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        service.__class__ = _ClosedOnce
        return service


class _ClosedOnce(VirtualService):
    async def aclose(self) -> None:
        self.node.services.index(self)
        await super().aclose()


class CannotCloseWhatHasEnded(FaultyNode):
    """Raises when a service is closed whose network has ended."""

    caught_by = "test_one_network_ends_and_another_starts_beside_it"
    failures = (RuntimeError,)

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        service.__class__ = _ClosedWhileItRuns
        return service


class _ClosedWhileItRuns(VirtualService):
    async def aclose(self) -> None:
        if self.node._tasks is None:
            raise RuntimeError("the network has ended")
        await super().aclose()


class LosesWhatIsPublishedAtOnce(FaultyNode):
    """Publishes one service of several that are published at the same time."""

    caught_by = "test_what_is_done_to_one_service_leaves_another_alone"
    publishing = 0

    async def publish(self, key, port, *, on_state):
        self.publishing += 1
        await anyio.lowlevel.checkpoint()
        service = await super().publish(key, port, on_state=on_state)
        self.publishing -= 1
        if self.publishing:
            self.services.remove(service)
            self._world.remove(service)
            self.services.append(service)
            service.become = lambda _: None
        return service


class KeepsWhatWasGivenUp(FaultyNode):
    """Answers at an address though publishing it was given up."""

    caught_by = "test_a_publication_that_is_given_up_leaves_nothing"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        return service


class KeepsATaskOfEachService(FaultyNode):
    """Leaves a task behind for each service that was published."""

    caught_by = "test_a_publication_that_is_given_up_leaves_nothing"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)
        self._tasks.start_soon(anyio.sleep_forever)
        return service


# -- who accepts


class WaitsForWhoHasGone(FaultyNode):
    """Waits for ever for whoever was there and has gone."""

    caught_by = "test_what_is_done_to_one_service_leaves_another_alone"

    async def dial(self, address, port, *, isolation):
        self._running()
        if any(service.address == address for service in self._world.gone):
            await anyio.sleep_forever()
        return await super().dial(address, port, isolation=isolation)

    def withdraw(self, service) -> None:
        super().withdraw(service)
        self._world.gone.append(service)
