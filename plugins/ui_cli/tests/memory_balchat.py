"""A `balchat` on accounts in memory, for tests that need processes: MEMORY_BALCHAT names the folder of its profiles.

MEMORY_UNPUBLISHED says what its transport comes to, as one that publishes no address.
"""

import os
import sys
from pathlib import Path

from balchat_ui_cli.program import main

from balchat_host.api.streams import prepare_standard_streams
from balchat_host.api.types import Phase, ServiceState
from balchat_host.testing.memory_profiles import MemoryProfiles


def front_ends():
    from balchat_ui_rpc.plugin import balchat_front_ends  # noqa: PLC0415  # `--help` does without

    return balchat_front_ends()


if __name__ == "__main__":
    prepare_standard_streams()
    pace = float(os.environ.get("MEMORY_PACE", "0"))
    phase = os.environ.get("MEMORY_UNPUBLISHED")
    unpublished = ServiceState(phase=Phase(phase), reason="by the weather") if phase else None
    root = Path(os.environ["MEMORY_BALCHAT"])
    profiles = MemoryProfiles(root, front_ends=front_ends, pace=pace, unpublished=unpublished)
    sys.exit(main(profiles, sys.argv[1:]))
