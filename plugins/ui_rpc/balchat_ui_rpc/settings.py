"""The settings of this plugin: the table `[settings.ui_rpc]`."""

from dataclasses import dataclass
from typing import Annotated

from balchat_common.settings import Doc
from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcSettings:
    """What can be set."""

    max_clients: Annotated[int, Meta(ge=1, le=1000), Doc("How many programs may be connected at the same time.")] = 32
