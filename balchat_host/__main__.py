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
    """Run the command line that this process was started with; return its exit code."""
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
    from balchat_host.api.errors import BalchatError  # noqa: PLC0415  # see above
    from balchat_host.api.text import visible  # noqa: PLC0415  # see above
    from balchat_host.loader.configuration import examine  # noqa: PLC0415  # see above
    from balchat_host.loader.levels import take_overrides  # noqa: PLC0415  # see above
    from balchat_host.loader.profiles import profile_directory, take_profile  # noqa: PLC0415  # see above
    from balchat_host.loader.roles import load_program  # noqa: PLC0415  # see above
    from balchat_host.local_profiles import LocalProfiles  # noqa: PLC0415  # see above

    as_json = "--json" in argv
    try:
        # Profiles may differ in which program is the command, so the option is read before the program is there.
        overrides, argv = take_overrides(argv)
        named, _ = take_profile(argv)
        # What is wrong with the configuration, the command says that needs it; help and the way to its files do not.
        configuration, _ = examine(profile_directory(named).directory, overrides=overrides)
        return LocalProfiles(overrides, configuration, named).run(load_program(configuration), argv)
    except BalchatError as error:
        # No front end is there to say it.
        if error.__cause__ is not None and os.environ.get("BALCHAT_TRACEBACK"):
            sys.excepthook(type(error.__cause__), error.__cause__, error.__cause__.__traceback__)
        described = {"error": {"code": error.code, "message": str(error), "fields": error.fields}}
        sys.stderr.write((json.dumps(described) if as_json else f"balchat: {visible(str(error))}") + "\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
