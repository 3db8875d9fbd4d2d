"""The area of events."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence

from balchat_host.api.ephemeral import Ephemeral
from balchat_host.api.events import Event
from balchat_host.api.frontend.area import Area


class Events(Area):
    """What happens, as it happens: durable, in order, by cursor; and, apart from that, what is true for the moment."""

    @abstractmethod
    async def cursor(self) -> int:
        """Return the cursor of the newest event.

        Whoever takes it first, then reads or changes something, then follows with `after=cursor`, misses nothing.
        """

    @abstractmethod
    def follow(self, after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        """Return every event after the cursor `after`, in order, and go on for ever.

        Without `after`: after the last one that `subscriber` acknowledged, or the oldest that is kept; without both,
        those from now on. That an event was returned does not count as dealt with. Raise CursorTooOld, BadInput.
        """

    @abstractmethod
    async def acknowledge(self, subscriber: str, cursor: int) -> None:
        """Remember that `subscriber` (1 to 64 characters) has dealt with everything up to `cursor`.

        A cursor is one for all conversations: an event is acknowledged once all before it are dealt with.
        What no subscriber still needs is deleted some day; one that has acknowledged nothing for 90 days is not waited
        for, and finds out by CursorTooOld. Cursor 0 says only that there is such a subscriber: what it has not dealt
        with is kept from then on. Raise BadInput.
        """

    @abstractmethod
    def ephemeral(self) -> AsyncIterator[Ephemeral]:
        """Return what is true only for the moment, all of it first (`present`), then each change.

        Nothing of it is stored. Whoever reads slowly gets the newest state of each thing, and not every one in between.
        """

    @abstractmethod
    async def attend(self, conversation: str | None) -> None:
        """Say which conversation this front end shows to a person now, None for none.

        Each front end shows one at a time; the next one takes its place. It ends with the front end: when its
        connection closes, or when it stops running. Nobody is notified of what comes into a conversation that is
        attended. Raise NoSuchConversation.
        """

    @abstractmethod
    async def attended(self) -> Sequence[str]:
        """Return the ids of the conversations that any front end shows now."""
