"""The area of the status."""

from abc import abstractmethod
from collections.abc import AsyncIterator

from balchat_host.api.frontend.area import Area
from balchat_host.api.views import ServiceStatus


class Status(Area):
    """How everything is."""

    @abstractmethod
    async def get(self) -> ServiceStatus:
        """Return the honest state of everything but people: `Contacts` and `Events.ephemeral` tell of those."""

    @abstractmethod
    def watch(self) -> AsyncIterator[ServiceStatus]:
        """Return the state now and after every change; states that come faster than they are read are left out."""
