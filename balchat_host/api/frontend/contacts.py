"""The area of contacts."""

from abc import abstractmethod
from collections.abc import Sequence

from balchat_host.api.frontend.area import Area
from balchat_host.api.views import ContactInfoView, ContactView, SafetyNumberView


class Contacts(Area):
    """Whom we know.

    A contact is called by the name that we gave it, or by its onion address, chat code or peer id. What is spelt like
    an address means that address only; no name is (docs/spec/chat-code.md, Names).
    """

    @abstractmethod
    async def add(self, code: str, name: str | None = None, introduction: str = "") -> ContactView:
        """Ask the owner of a chat code (or bare onion address) to become a contact; they need not be there now.

        Without `name`, the one in the code is taken. If they asked us already, this accepts.
        Raise BadChatCode, OwnChatCode, AlreadyAContact, NameTaken, BadInput, TooMany.
        """

    @abstractmethod
    async def list(self) -> Sequence[ContactView]:
        """Return all contacts by name."""

    @abstractmethod
    async def get(self, contact: str) -> ContactView:
        """Return one contact as it is now. Raise NoSuchContact."""

    @abstractmethod
    async def info(self, contact: str) -> ContactInfoView:
        """Return all that is known of a contact: devices and alarms too. Raise NoSuchContact."""

    @abstractmethod
    async def renew(self, contact: str) -> ContactView:
        """Renew the keys with a contact now, or as soon as that can be; return the contact as it is before.

        That is done by itself every week. It shuts out whoever has copied our keys, or theirs, unless they go on doing
        so. The alarms about the contact are dealt with by it. Raise NoSuchContact, ContactBlocked, BadInput.
        """

    @abstractmethod
    async def rename(self, contact: str, name: str) -> ContactView:
        """Call a contact something else. Raise NoSuchContact, NameTaken, BadInput."""

    @abstractmethod
    async def safety_number(self, contact: str) -> SafetyNumberView:
        """Return the number to compare with the contact. Raise NoSuchContact."""

    @abstractmethod
    async def verify(self, contact: str, safety_number: str) -> ContactView:
        """Mark a contact as verified.

        Raise NoSuchContact, and SafetyNumberDiffers unless the number, digits alone, is the right one.
        """

    @abstractmethod
    async def block(self, contact: str) -> ContactView:
        """Hear nothing from a contact any more, without them being told. Raise NoSuchContact."""

    @abstractmethod
    async def unblock(self, contact: str) -> ContactView:
        """Hear from a contact again. What they sent meanwhile and still hold comes in. Raise NoSuchContact."""

    @abstractmethod
    async def remove(self, contact: str) -> None:
        """Delete a contact with its conversation and everything in it. Raise NoSuchContact."""
