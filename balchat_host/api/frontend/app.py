"""The App: everything that can be asked of one unlocked account, by areas."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext

from balchat_host.api.frontend.account import Account
from balchat_host.api.frontend.contacts import Contacts
from balchat_host.api.frontend.conversations import Conversations
from balchat_host.api.frontend.events import Events
from balchat_host.api.frontend.files import Files
from balchat_host.api.frontend.messages import Messages
from balchat_host.api.frontend.relays import Relays
from balchat_host.api.frontend.requests import Requests
from balchat_host.api.frontend.settings import Settings
from balchat_host.api.frontend.status import Status


class App(ABC):
    """One unlocked account."""

    @property
    @abstractmethod
    def contacts(self) -> Contacts:
        """Whom we know."""

    @property
    @abstractmethod
    def requests(self) -> Requests:
        """Who asks to become a contact."""

    @property
    @abstractmethod
    def conversations(self) -> Conversations:
        """What is shown and written in."""

    @property
    @abstractmethod
    def messages(self) -> Messages:
        """What was written."""

    @property
    @abstractmethod
    def files(self) -> Files:
        """The files that messages have."""

    @property
    @abstractmethod
    def relays(self) -> Relays:
        """The relays that keep envelopes for us."""

    @property
    @abstractmethod
    def account(self) -> Account:
        """The account itself, and its vault."""

    @property
    @abstractmethod
    def settings(self) -> Settings:
        """What the configuration says, and what of it front ends may change."""

    @property
    @abstractmethod
    def events(self) -> Events:
        """What happens, as it happens."""

    @property
    @abstractmethod
    def status(self) -> Status:
        """How everything is."""

    def client(self) -> AbstractContextManager["App"]:
        """Return this App for one client of its own: what the client attends ends when the context does.

        The host calls it for each front end, and whoever serves several clients for each of them. Across a connection
        there is one client only.
        """
        return nullcontext(self)

    @abstractmethod
    async def capabilities(self) -> frozenset[str]:
        """Return what this App offers now: wire names such as `messages.send`, and features, whose names have no dot.

        A front end that may meet an older account, or one of which less runs, looks here before it offers something to
        a person. A method is among them where it can do its work with the plugins in use: `relays.…` need a transport
        that has relays, and an account that was opened for its vault only has none. Whoever calls another one gets the
        error that it names, or NotOffered where the account has never heard of it.

        A feature says what no name of a method can. There is one: `delivery`, where something runs that sends what is
        written and receives what comes.
        """
