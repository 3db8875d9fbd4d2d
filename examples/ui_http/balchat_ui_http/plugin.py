"""Registers the front end. What it needs is imported when it is made, not when it is registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from balchat_common.settings import Doc
from msgspec import Meta

from balchat_host.api.descriptors import FrontEndDescriptor
from balchat_host.api.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from balchat_host.api.frontend import FrontEnd, FrontEndContext


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """What can be set: the table `[settings.ui_http]`."""

    port: Annotated[int, Meta(ge=0, le=65535), Doc("The port on the loopback interface; 0 for a free one.")] = 8460


def make(context: FrontEndContext, settings: HttpSettings) -> FrontEnd:
    """Make the front end for one account."""
    from balchat_ui_http.server import HttpFrontEnd  # noqa: PLC0415  # aiohttp takes longer than all of the host

    return HttpFrontEnd(context, settings)


@hookimpl
def balchat_front_ends() -> Sequence[FrontEndDescriptor]:
    """Register `ui_http`."""
    return [
        FrontEndDescriptor(
            name="ui_http",
            summary="Serves the account over HTTP on this machine, to whoever has the token",
            api_version=1,
            settings=HttpSettings,
            factory=make,
        )
    ]
