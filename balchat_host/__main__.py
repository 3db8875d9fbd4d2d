"""The command `balchat`: finds the front end that the configuration makes the command, and hands over to it."""

import json
import os
import resource
import sys
from collections.abc import Sequence
from typing import Final

INTERRUPTED: Final = 130
"""What a shell reports for a program that SIGINT ended: 128 and the signal's number."""


def main() -> int:
    """Run the command line that this process was started with; give its exit code."""
    try:
        from balchat_host.api.streams import READER_GONE, ReaderGone, prepare_standard_streams  # noqa: PLC0415  # below

        prepare_standard_streams()
        # A core file would lay our keys on the disk. What we start, tor among it, inherits this.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        try:
            return run(sys.argv[1:])
        except ReaderGone:
            return READER_GONE
    except KeyboardInterrupt:
        # Before there is a front end to say so: what is imported takes a moment, and everything is imported in here.
        return INTERRUPTED


def run(argv: Sequence[str]) -> int:
    """Run one command line, without the program's name."""
    # Only what every command needs is imported here, so that `balchat --help` is quick.
    from balchat_host.api.errors import BalchatError, PluginError  # noqa: PLC0415  # see above
    from balchat_host.api.streams import ReaderGone  # noqa: PLC0415  # see above
    from balchat_host.api.text import visible  # noqa: PLC0415  # see above
    from balchat_host.loader.configuration import examine  # noqa: PLC0415  # see above
    from balchat_host.loader.levels import take_overrides  # noqa: PLC0415  # see above
    from balchat_host.loader.profiles import profile_directory  # noqa: PLC0415  # see above
    from balchat_host.loader.roles import load_program, origin_of  # noqa: PLC0415  # see above
    from balchat_host.local_profiles import LocalProfiles  # noqa: PLC0415  # see above

    as_json = "--json" in argv
    try:
        # Profiles may differ in which program is the command, so the option is read before the program is there.
        overrides, argv = take_overrides(argv)
        # What is wrong with the configuration, the command says that needs it; help and the way to its files do not.
        configuration, _ = examine(profile_directory(_profile_named(argv)).directory, overrides=overrides)
        front_end = load_program(configuration)
        assert front_end.program is not None, "load_program gives only those that have one"
        try:
            return front_end.program(LocalProfiles(overrides), argv)
        except (BalchatError, ReaderGone):
            raise
        except Exception as error:
            problem = f"its program raised {type(error).__name__}"
            origin = origin_of(configuration, front_end)
            raise PluginError(plugin=front_end.name, distribution=origin, problem=problem) from error
    except BalchatError as error:
        # No front end is there to say it.
        if error.__cause__ is not None and os.environ.get("BALCHAT_TRACEBACK"):
            sys.excepthook(type(error.__cause__), error.__cause__, error.__cause__.__traceback__)
        described = {"error": {"code": error.code, "message": str(error), "fields": error.fields}}
        sys.stderr.write((json.dumps(described) if as_json else f"balchat: {visible(str(error))}") + "\n")
        return error.exit_code


def _profile_named(argv: Sequence[str]) -> str | None:
    for position, argument in enumerate(argv):
        if argument == "--":
            return None
        if argument == "--profile" and position + 1 < len(argv):
            return argv[position + 1]
        if argument.startswith("--profile="):
            return argument.removeprefix("--profile=")
    return None


if __name__ == "__main__":
    sys.exit(main())
