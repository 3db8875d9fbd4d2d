"""Registers the bridge. What it needs is imported when it is made, not when it is registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from balchat_common.settings import Doc

from balchat_host.api.descriptors import FrontEndDescriptor
from balchat_host.api.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from balchat_host.api.frontend import FrontEnd, FrontEndContext


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeSettings:
    """What can be set: the table `[settings.ui_bridge]`."""

    folder: Annotated[str, Doc("The folder that stands for the other network, with a folder for each room.")]
    rooms: Annotated[Mapping[str, str], Doc('Which contact is bridged to which room: Bob = "climbing".')]

    def __post_init__(self) -> None:
        if len(set(self.rooms.values())) < len(self.rooms):
            raise ValueError("rooms: two contacts have the same room; a room for each")


def make(context: FrontEndContext, settings: BridgeSettings) -> FrontEnd:
    """Make the bridge for one account."""
    del context
    from balchat_ui_bridge.bridge import Bridge  # noqa: PLC0415  # see the module's docstring
    from balchat_ui_bridge.remote import FolderRemote  # noqa: PLC0415  # see the module's docstring

    return Bridge(FolderRemote(settings.folder), settings.rooms)


@hookimpl
def balchat_front_ends() -> Sequence[FrontEndDescriptor]:
    """Register `ui_bridge`."""
    return [
        FrontEndDescriptor(
            name="ui_bridge",
            summary="Carries conversations to rooms of another network, and back",
            api_version=1,
            settings=BridgeSettings,
            factory=make,
        )
    ]
