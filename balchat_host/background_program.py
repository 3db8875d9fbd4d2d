"""The program that `LocalProfile.start` runs: an account in the background.

Its command line is `[--set=KEY=VALUE…] SYSTEM_FILE PROFILE SLOT DESCRIPTOR`; the secret is read from the descriptor.
"""

import resource
import sys
from collections.abc import Sequence
from pathlib import Path

from balchat_host.api.storage import SlotKind
from balchat_host.api.streams import prepare_standard_streams
from balchat_host.background import serve
from balchat_host.loader.levels import take_overrides
from balchat_host.loader.profiles import profile_directory
from balchat_host.local_profile import LocalProfile


def main(arguments: Sequence[str]) -> int:
    """Run the account until it is ended; return the exit code."""
    prepare_standard_streams()
    # A core file would lay our keys on the disk. What we start, tor among it, inherits this.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    overrides, (system_file, name, slot, descriptor) = take_overrides(arguments)
    profile = LocalProfile(profile_directory(name), overrides, system_file=Path(system_file))
    return serve(profile, SlotKind(slot), int(descriptor))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
