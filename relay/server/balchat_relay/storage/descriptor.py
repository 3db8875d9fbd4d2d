"""How a store that somebody else has written is announced, and what it is opened with.

An entry point of the group `balchat.relay_stores.v1` names a `StoreDescriptor`. Only the store that `[relay] store`
names is imported: what is installed and not named does nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from balchat_relay.storage.contract import QueueStore, StoreLimits

ENTRY_POINT_GROUP: Final = "balchat.relay_stores.v1"
API_VERSION: Final = 1
"""The version of `QueueStore` and of this module. What an older store would not fulfil raises it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSettings:
    """The settings of a store that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreContext:
    """What a relay gives to the store that it opens.

    `folder` is private (0700), there already, and nobody else's. `new`: begin with an empty store, which the operator
    asks for once, by `balchat-relay init --empty-store`. Otherwise a store that lasts raises
    `balchat_relay.errors.StoreMissing` where it finds nothing that it has made.
    """

    folder: Path
    limits: StoreLimits
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDescriptor:
    """One store: a line for its operator, the version that it was made for, its settings, and how it is opened.

    `settings` is a dataclass for the table `[store]` of relay.toml. `factory(context, settings)` opens the store; what
    it raises ends the start. It raises `balchat_relay.errors.StoreUnusable` with a sentence for the operator.
    """

    summary: str
    api_version: int
    factory: Callable[[StoreContext, Any], Awaitable[QueueStore]]
    settings: type = NoSettings
