"""People with real accounts, in processes of their own, who meet over `network_null` and the direct transport.

So whole accounts are tested in seconds, without tor: each is the command `balchat`, with a vault of its own, killed and
started again as a test likes. The town knows every onion that somebody answers at, and lets a stranger knock there.
"""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, Self

import anyio
from anyio import BrokenResourceError, EndOfStream
from balchat_network_null.directory import services, socket_path
from balchat_network_null.network import NullNetwork
from balchat_network_null.settings import NullSettings
from balchat_transport_tor_direct.device_route import Destination
from balchat_transport_tor_direct.frames import FrameReader
from balchat_transport_tor_direct.greeting import greet_acceptor
from balchat_transport_tor_direct.publishing import PORT

from balchat_host.api.errors import PeerUnreachable, ProtocolViolation
from balchat_host.api.network import NetworkContext
from balchat_host.api.types import OnionKey, PeerId
from balchat_host.testing.fake_transport_context import FakeTransportContext
from balchat_host.testing.virtual_network import ignore_state
from balchat_host.testing.waiting import running
from tests.support.people import Person

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.fork_server import ForkServer


CONFIGURATION: Final = """\
[plugins]
enabled = ["storage_sqlcipher", "crypto_mls", "network_null", "transport_tor_direct", "ui_rpc", "ui_cli", "ui_web"]
network = "network_null"

[delivery]
retry_first_seconds = 1
retry_max_seconds = 1

[settings.network_null]
directory = {directory}
"""


class NullTown:
    """A folder in which people live. As a context manager, nobody runs after it."""

    def __init__(self, folder: Path, *, server: ForkServer | None = None) -> None:
        self.folder = folder
        self.network = folder / "net"
        self._server = server
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def person(self, name: str, *, more: str = "", account: bool = True) -> Person:
        """Make somebody whose home is there and who is not up yet. `more` is added to their configuration.

        Without an `account` they have none yet, for `balchat restore`.
        """
        text = CONFIGURATION.format(directory=json.dumps(str(self.network))) + more
        somebody = self._stack.enter_context(Person(self.folder, name, configuration=text, server=self._server))
        if account:
            somebody.init()
        return somebody

    # -- who answers where

    def answers(self, onion: OnionKey) -> bool:
        """Return whether somebody answers at an onion now, on any port."""
        return onion in self.onions()

    def onions(self) -> set[OnionKey]:
        """Return every onion that somebody answers at now. What a killed account left behind does not answer."""
        found = services(self.network) if self.network.exists() else []
        return {address for address, port in found if _connects(socket_path(self.network, address, port))}

    def onions_of(self, person: Person, *, do: Callable[[], Any]) -> set[OnionKey]:
        """Return the onions that are there after `do`, such as their `up`, and were not before."""
        before = self.onions()
        do()
        person.wait_online()
        return self.onions() - before

    def hide(self, onion: OnionKey) -> None:
        """Let nobody find an onion any more, as long as its account does not publish it again."""
        for address, port in services(self.network):
            if address == onion:
                socket_path(self.network, address, port).unlink()

    # -- a stranger

    def knock(self, peer: PeerId, onion: OnionKey) -> bool:
        """Have a stranger dial `peer` at an onion and prove who they are; return whether they are let in."""
        return anyio.run(self._knock, peer, onion)

    async def _knock(self, peer: PeerId, onion: OnionKey) -> bool:
        context = NetworkContext(directory=self.network, on_state=ignore_state)
        network = NullNetwork(context, NullSettings(directory=str(self.network)))
        async with running(network), await network.dial(onion, PORT, isolation="") as stream:
            try:
                await greet_acceptor(
                    stream,
                    FrameReader(),
                    context=FakeTransportContext(network),
                    peer=peer,
                    destination=Destination(onion=onion, device_id=None),
                    before_proof=lambda device: None,
                )
            except (PeerUnreachable, ProtocolViolation, EndOfStream, BrokenResourceError):
                return False
        return True


def identity_onion(person: Person) -> OnionKey:
    """Return the onion of somebody's chat code."""
    address = person.code().removeprefix("balchat:").partition("?")[0]
    return OnionKey.from_onion(address)


def call(person: Person, method: str, **parameters: Any) -> Any:
    """Ask an account that is up by its socket: a command would take half a second to start."""
    with person.socket() as connection:
        return connection.call(method, **parameters)


def befriend(asker: Person, asked: Person) -> None:
    """Make two people who are up contacts of each other."""
    heard = len(asked.events.values), len(asker.events.values)
    call(asker, "contacts.add", code=call(asked, "account.code")["code"])
    asked.events.until(lambda event: event["type"] == "request.received", start=heard[0])
    call(asked, "requests.accept", request=asker.name)
    asker.events.until(became(asked.name, "active"), start=heard[1])


def talk(one: Person, other: Person, text: str) -> None:
    """Have each say something that the other receives."""
    for speaker, listener in ((one, other), (other, one)):
        said = f"{text}, says {speaker.name}"
        call(speaker, "messages.send", conversation=listener.name, text=said)
        listener.events.until(came(said))


def became(contact: str, state: str) -> Callable[[dict[str, Any]], bool]:
    """Match the event that a contact is in a state now."""
    return lambda event: (
        event["type"] == "contact.changed" and (event["contact"]["name"], event["contact"]["state"]) == (contact, state)
    )


def came(text: str) -> Callable[[dict[str, Any]], bool]:
    """Match the event of a message with this text."""
    return lambda event: event["type"] == "message.added" and event["message"]["text"] == text


def _connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
