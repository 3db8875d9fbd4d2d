"""The account that is tested, and how its events are followed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from balchat_host.api.events import Event, MessageAdded
from balchat_host.api.frontend import MAX_TEXT_SIZE, App
from balchat_host.api.types import PeerId, Secret
from balchat_host.api.views import MessageView
from balchat_host.testing.audit import confide
from balchat_host.testing.audit.kit import AppKitAudit
from balchat_host.testing.waiting import PATIENCE, closing

T = TypeVar("T")

NEW_PASSPHRASE: Final = Secret.from_text("eight quiet otters row upstream")
WRONG_SECRET: Final = Secret.from_text("not the one that is in use")
NO_MESSAGE: Final = "0" * 64
TEXTS: Final = ("hello", "two\nlines", 'quotes " and \\ and \t', "žluťoučký 你好 🦦", "x" * MAX_TEXT_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedAccount:
    """An account, and what opens its vault.

    `one_client`: it is used across a connection, where there is one client only, which ends with the connection.
    """

    __test__ = False

    app: App
    passphrase: Secret
    recovery_code: Secret
    one_client: bool = False


def nobody(number: int = 1) -> PeerId:
    """Return a peer id behind which there is nobody; the same for the same number."""
    key = Ed25519PrivateKey.from_private_bytes(number.to_bytes(32))
    peer = PeerId(key.public_key().public_bytes_raw())
    confide("a peer id", peer.octets, shortened=True)
    confide("an onion address", peer.onion.encode())
    return peer


async def until(app: App, after: int, condition: Callable[[list[Event]], bool]) -> list[Event]:
    """Follow the events after a cursor until `condition` holds for all of them together; return those."""
    seen: list[Event] = []
    async with closing(app.events.follow(after=after)) as events:
        with anyio.fail_after(PATIENCE):
            async for event in events:
                seen.append(event)
                if condition(seen):
                    break
    return seen


async def take(app: App, after: int, count: int) -> list[Event]:
    """Return the next `count` events after a cursor."""
    return await until(app, after, lambda events: len(events) >= count)


def messages(events: Sequence[Event]) -> list[MessageView]:
    """Return the messages that events say were added."""
    return [event.message for event in events if isinstance(event, MessageAdded)]


class AppKitBase(AppKitAudit):
    """What each part of the kit needs."""

    @pytest.fixture
    def alice(self) -> TestedAccount:
        raise NotImplementedError("a subclass of AppKit gives the fixture `alice`")

    @pytest.fixture
    def app(self, alice: TestedAccount) -> App:
        return alice.app
