"""Has tor publish our onions, a few at a time, and again with each new tor.

Rules
-----
- A *service* is one onion, with one or more ports. What is done to one leaves the others, and their streams, alone.
- At most `MOST_AT_ONCE` services are *in flight*: told to tor, and not yet at any directory. tor 0.4.9 answers OK to
  ADD_ONION in a burst, and then leaves some descriptors unpublished.
- A service that no directory takes in `_TURN_ENDS_AFTER` seconds makes room for the next one; tor goes on with it.
"""

from collections.abc import Collection
from typing import Final

import anyio

from balchat_network_tor.asking import ask
from balchat_network_tor.control import Control, ControlFailure, DescriptorAction, DescriptorChanged
from balchat_network_tor.descriptors import Descriptors
from balchat_network_tor.onion import PublishedOnion
from balchat_network_tor.sources import TorEnded

MOST_AT_ONCE: Final = 4

_TURN_ENDS_AFTER: Final = 60.0
"""Seconds online; a descriptor is up after two or three where the network is well."""


class Publisher:
    """All ports of all onions that we publish."""

    def __init__(self) -> None:
        self.onions: list[PublishedOnion] = []
        self._control: Control | None = None
        self._lock = anyio.Lock()
        self._waiting: dict[str, None] = {}
        self._in_flight: dict[str, float] = {}
        self._unheard_since: dict[str, float] = {}
        self._descriptors: dict[str, Descriptors] = {}
        """Of services that cannot be found yet."""

    async def add(self, onion: PublishedOnion) -> None:
        """Publish one more port."""
        self.onions.append(onion)
        await self._announce(onion.service)

    async def withdraw(self, onion: PublishedOnion) -> None:
        """Take a port back."""
        if onion in self.onions:
            self.onions.remove(onion)
            await self._announce(onion.service)

    async def use(self, control: Control) -> None:
        """Publish everything by a tor that has just come."""
        self._control = control
        for onion in self.onions:
            self._waiting[onion.service] = None
        await self._tell_waiting()

    def lose(self) -> None:
        """Note that the tor is gone, and all that it knew."""
        self._control = None
        for what in (self._waiting, self._in_flight, self._unheard_since, self._descriptors):
            what.clear()
        for onion in self.onions:
            onion.announced()

    async def descriptor_changed(self, event: DescriptorChanged) -> None:
        """Note what became of a descriptor of a service."""
        descriptors = self._descriptors.get(event.service)
        if descriptors is None:
            return
        match event.action:
            case DescriptorAction.CREATED:
                descriptors.made(event.descriptor)
            case DescriptorAction.UPLOAD:
                descriptors.sent(event.descriptor, event.directory)
            case DescriptorAction.UPLOADED | DescriptorAction.FAILED:
                accepted = event.action is DescriptorAction.UPLOADED
                descriptors.answered(event.directory, accepted=accepted)
                await self._answered(event.service, descriptors, accepted=accepted)

    async def _answered(self, service: str, descriptors: Descriptors, *, accepted: bool) -> None:
        if descriptors.all_taken:
            del self._descriptors[service]
        if descriptors.all_taken or not descriptors.some_taken:
            for onion in self._ports(service):
                onion.uploaded(accepted=descriptors.all_taken)
        if accepted:
            self._in_flight.pop(service, None)
            await self._tell_waiting()

    async def introduced(self, heard: Collection[str], *, online: bool) -> None:
        """Note for which services introduction points speak."""
        now = anyio.current_time()
        for onion in self.onions:
            onion.introduced(established=onion.service in heard)
        for service, since in list(self._in_flight.items()):
            if not online:
                self._in_flight[service] = now
            elif now - since > _TURN_ENDS_AFTER:
                del self._in_flight[service]
        await self._tell_waiting()

    async def mend(self, heard: Collection[str], after: float) -> None:
        """Publish those again that no introduction point has spoken for during `after` seconds.

        In an outage tor spends the few circuits that it allows itself for introduction points (ten in five minutes),
        and then does not care for them for the rest of that time. A new onion of the same key begins afresh.
        """
        now = anyio.current_time()
        for service, since in list(self._unheard_since.items()):
            if service in heard:
                self._unheard_since[service] = now
            elif now - since > after:
                await self._announce(service)

    def _ports(self, service: str) -> list[PublishedOnion]:
        return [onion for onion in self.onions if onion.service == service]

    async def _announce(self, service: str) -> None:
        """Make tor publish all ports of a service, once it is its turn; without a tor, the next one is told."""
        if self._control is not None:
            self._in_flight.pop(service, None)
            self._waiting[service] = None
            await self._tell_waiting()

    async def _tell_waiting(self) -> None:
        async with self._lock:
            while self._control is not None and (service := self._next()) is not None:
                del self._waiting[service]
                await self._tell(self._control, service)

    def _next(self) -> str | None:
        """Return who is told next: what is taken back does not wait for its turn."""
        full = len(self._in_flight) >= MOST_AT_ONCE
        return next((service for service in self._waiting if not full or not self._ports(service)), None)

    async def _tell(self, control: Control, service: str) -> None:
        onions = self._ports(service)
        try:
            self._descriptors.pop(service, None)
            if self._unheard_since.pop(service, None) is not None:
                await ask(control.remove_onion, service)
            if onions:
                for onion in onions:
                    onion.announced()
                self._in_flight[service] = anyio.current_time()
                self._descriptors[service] = Descriptors()
                await ask(control.add_onion, onions[0].key_blob, {onion.port: onion.target for onion in onions})
                self._unheard_since[service] = anyio.current_time()
        except (ControlFailure, TorEnded):
            self._in_flight.pop(service, None)
            for onion in onions:
                onion.refused()
