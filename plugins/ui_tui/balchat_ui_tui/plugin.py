"""Registers the terminal screen. What it needs is imported when it is started."""

from collections.abc import Sequence

from balchat_host.api.descriptors import FrontEndDescriptor
from balchat_host.api.hookspecs import hookimpl
from balchat_host.api.programs import Profiles
from balchat_ui_tui.settings import PLUGIN, TuiSettings


def run(profiles: Profiles, arguments: Sequence[str]) -> int:
    """Show the screen until it is left; return the exit code."""
    from balchat_ui_tui.program import main  # noqa: PLC0415  # only who starts it waits for it

    return main(profiles, arguments)


@hookimpl
def balchat_front_ends() -> Sequence[FrontEndDescriptor]:
    """Register `ui_tui`."""
    return [
        FrontEndDescriptor(
            name=PLUGIN,
            summary="A terminal screen for an account",
            api_version=1,
            settings=TuiSettings,
            program=run,
        )
    ]
