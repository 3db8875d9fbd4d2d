"""Registers the command line with the host."""

from collections.abc import Sequence

from balchat_host.api.descriptors import FrontEndDescriptor
from balchat_host.api.hookspecs import hookimpl
from balchat_host.api.programs import Profiles
from balchat_ui_cli.other_program import start_other


def main(profiles: Profiles, argv: Sequence[str]) -> int:
    """Run one command line; return its exit code."""
    try:
        code = start_other(profiles, argv)
    except BaseException as error:  # noqa: BLE001  # the program says what it was
        from balchat_ui_cli.program import failed

        return failed(error, argv)
    if code is not None:
        return code
    from balchat_ui_cli.program import main as run

    return run(profiles, argv)


@hookimpl
def balchat_front_ends() -> Sequence[FrontEndDescriptor]:
    """Register the `balchat` program."""
    return [FrontEndDescriptor(name="ui_cli", summary="The balchat command line", api_version=1, program=main)]
