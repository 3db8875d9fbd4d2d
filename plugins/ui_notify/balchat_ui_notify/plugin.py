"""Registers desktop notifications. What they need is imported when they are used."""

from collections.abc import Sequence

from balchat_host.api.descriptors import FrontEndDescriptor
from balchat_host.api.frontend import FrontEnd, FrontEndContext
from balchat_host.api.hookspecs import hookimpl
from balchat_ui_notify.settings import NotifySettings


def make(context: FrontEndContext, settings: NotifySettings) -> FrontEnd:
    """Make the front end for one account."""
    from balchat_ui_notify.desktop import Desktop  # noqa: PLC0415  # the library takes longer than all of the host
    from balchat_ui_notify.front_end import NotifyFrontEnd  # noqa: PLC0415  # as above

    return NotifyFrontEnd(Desktop(), settings, context.on_state)


@hookimpl
def balchat_front_ends() -> Sequence[FrontEndDescriptor]:
    """Register `ui_notify`."""
    return [
        FrontEndDescriptor(
            name="ui_notify",
            summary="Shows desktop notifications of new messages",
            api_version=1,
            settings=NotifySettings,
            factory=make,
        )
    ]
