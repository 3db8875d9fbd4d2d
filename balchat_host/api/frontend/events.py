"""The area of events."""

from abc import abstractmethod
from collections.abc import AsyncIterator

from balchat_host.api.events import Event
from balchat_host.api.frontend.area import Area


class Events(Area):
    """What happens, as it happens: durable, in order, by cursor."""

    @abstractmethod
    async def cursor(self) -> int:
        """Return the cursor of the newest event.

        Whoever takes it first, then reads or changes something, then follows with `after=cursor`, misses nothing.
        """

    @abstractmethod
    def follow(self, after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        """Return every event after the cursor `after`, in order, and go on for ever.

        Without `after`: after the last one that `subscriber` acknowledged, or the oldest that is kept; without both,
        those from now on. That an event was returned does not count as dealt with. Raises CursorTooOld, BadInput.
        """

    @abstractmethod
    async def acknowledge(self, subscriber: str, cursor: int) -> None:
        """Remember that `subscriber` (1 to 64 characters) has dealt with everything up to `cursor`.

        What no subscriber still needs is deleted some day. Cursor 0 says only that there is such a subscriber: what it
        has not dealt with is kept from then on. Raises BadInput.
        """
