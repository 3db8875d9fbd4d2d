"""Registers the command line with the host."""

from collections.abc import Sequence

from balchat_host.api.descriptors import FrontEndDescriptor
from balchat_host.api.frontend import Profiles
from balchat_host.api.hookspecs import hookimpl


def main(profiles: Profiles, argv: Sequence[str]) -> int:
    """Run one command line; return its exit code."""
    from balchat_ui_cli.program import main as run

    return run(profiles, argv)


@hookimpl
def balchat_front_ends() -> Sequence[FrontEndDescriptor]:
    """Register the `balchat` program."""
    return [FrontEndDescriptor(name="ui_cli", summary="The balchat command line", api_version=1, program=main)]
