"""The area of contact requests."""

from abc import abstractmethod
from collections.abc import Sequence

from balchat_host.api.frontend.area import Area
from balchat_host.api.views import ContactView, RequestView


class Requests(Area):
    """Who asks to become a contact.

    A request is called by a peer id, an onion address, or the name that its sender gave, if only one gave it.
    """

    @abstractmethod
    async def list(self) -> Sequence[RequestView]:
        """Return the contact requests that wait for us, oldest first."""

    @abstractmethod
    async def accept(self, request: str, name: str | None = None) -> ContactView:
        """Make a contact of whoever asked, called `name` or as they call themselves.

        Raise NoSuchRequest, NameTaken, BadInput.
        """

    @abstractmethod
    async def reject(self, request: str) -> RequestView:
        """Turn a request down, and return it as it was. Whoever asked is not told. Raise NoSuchRequest."""

    @abstractmethod
    async def block(self, request: str) -> ContactView:
        """Turn a request down and hear nothing from whoever asked any more, without them being told.

        They become a blocked contact, under a name of their own, or a made-up one where that is taken. To unblock it
        asks them; to remove it lets them ask again. Raise NoSuchRequest, TooMany.
        """
