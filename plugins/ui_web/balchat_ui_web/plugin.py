"""Registers the web page. What it needs is imported when it is started."""

from collections.abc import Sequence

from balchat_host.api.descriptors import FrontEndDescriptor
from balchat_host.api.hookspecs import hookimpl
from balchat_host.api.programs import Profiles
from balchat_ui_web.settings import PLUGIN, WebSettings


def run(profiles: Profiles, arguments: Sequence[str]) -> int:
    """Serve the page until it is ended; return the exit code."""
    from balchat_ui_web.program import main  # noqa: PLC0415  # aiohttp takes longer than all of the host

    return main(profiles, arguments)


@hookimpl
def balchat_front_ends() -> Sequence[FrontEndDescriptor]:
    """Register `ui_web`."""
    return [
        FrontEndDescriptor(
            name=PLUGIN,
            summary="A web page on this machine for an account",
            api_version=1,
            settings=WebSettings,
            program=run,
        )
    ]
