"""Faults of what a network tells others of keys and addresses."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from typing import Final

import anyio

from balchat_host.api.errors import NetworkUnavailable, PeerUnreachable
from balchat_host.api.types import ONLINE
from balchat_host.testing.virtual_network import VirtualService, onion_of
from tests.kits.network_faults.faulty_network import FaultyNode

logger = logging.getLogger(__name__)

NOBODY: Final = "test_nobody_there_is_said_so"
NOT_RUNNING: Final = "test_a_network_that_does_not_run_says_so"
EACH: Final = "test_each_dial_gets_a_stream_of_its_own"
STARTS: Final = "test_a_service_starts_and_comes_online"


class RaisesFromAnAddress(FaultyNode):
    """Says whom it could not reach in the error that its own was raised from."""

    caught_by = NOBODY

    async def dial(self, address, port, *, isolation):
        try:
            return await super().dial(address, port, isolation=isolation)
        except PeerUnreachable as error:
            raise PeerUnreachable(problem="nobody answers") from OSError(f"no way to {address.onion}: {error}")


class NotesWhomItDialled(FaultyNode):
    """Notes on an error whom it could not reach."""

    caught_by = NOBODY

    async def dial(self, address, port, *, isolation):
        try:
            return await super().dial(address, port, isolation=isolation)
        except PeerUnreachable as error:
            error.add_note(f"dialled {address.onion}")
            raise


class SaysWhatItCannotDial(FaultyNode):
    """Says whom somebody wanted to reach when it does not run."""

    caught_by = NOT_RUNNING

    async def dial(self, address, port, *, isolation):
        try:
            return await super().dial(address, port, isolation=isolation)
        except NetworkUnavailable:
            raise NetworkUnavailable(problem=f"{address.onion} cannot be dialled", remedy="Start it.") from None


class SaysWhatItCannotPublish(FaultyNode):
    """Says which address somebody wanted to publish when it does not run."""

    caught_by = NOT_RUNNING

    async def publish(self, key, port, *, on_state):
        try:
            return await super().publish(key, port, on_state=on_state)
        except NetworkUnavailable:
            raise NetworkUnavailable(problem=f"{onion_of(key).onion} is not published", remedy="Start it.") from None


class LogsShortAddresses(FaultyNode):
    """Logs the beginning of each address that it dials."""

    caught_by = EACH
    audited = True

    async def dial(self, address, port, *, isolation):
        logger.info("dialling %s…", address.onion[:10])
        return await super().dial(address, port, isolation=isolation)


class ResolvesAddresses(FaultyNode):
    """Asks the system for the address of an onion, which whoever resolves names for it hears of."""

    caught_by = EACH
    audited = True

    async def dial(self, address, port, *, isolation):
        with suppress(OSError):
            await anyio.to_thread.run_sync(self._resolve, address.onion)
        return await super().dial(address, port, isolation=isolation)

    @staticmethod
    def _resolve(name: str) -> None:
        socket.getaddrinfo(name, None, flags=socket.AI_NUMERICHOST)  # so that nobody is truly asked


class GivesItsKeyToAProgram(FaultyNode):
    """Starts a program with the key of what it publishes among its arguments, which everybody can see."""

    caught_by = STARTS
    audited = True

    async def publish(self, key, port, *, on_state):
        await anyio.run_process(["true", key.reveal().hex()])
        return await super().publish(key, port, on_state=on_state)


class SaysThatItIsOnlineFirst(FaultyNode):
    """Says that it is online before it has begun to come up."""

    caught_by = "test_it_comes_online_and_says_when_it_has_stopped"

    async def run(self, *, task_status):
        self._on_state(ONLINE)
        await super().run(task_status=task_status)


class ShowsItsKey(FaultyNode):
    """Shows the key of what it publishes in its repr."""

    caught_by = STARTS
    audited = True
    tells = "a repr"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)

        class Shown(VirtualService):
            def __repr__(self) -> str:
                return f"Service({key.reveal()!r})"

        service.__class__ = Shown
        return service


class ShowsItsAddress(FaultyNode):
    """Shows in its repr which address it publishes."""

    caught_by = STARTS
    audited = True
    tells = "a repr"

    async def publish(self, key, port, *, on_state):
        service = await super().publish(key, port, on_state=on_state)

        class Shown(VirtualService):
            def __repr__(self) -> str:
                return f"Service({self.address.onion})"

        service.__class__ = Shown
        return service
