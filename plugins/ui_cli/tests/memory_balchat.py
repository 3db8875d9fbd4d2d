"""A `balchat` on accounts in memory, for tests that need processes: MEMORY_BALCHAT names the folder of its profiles.

MEMORY_UNPUBLISHED says what its transport comes to, as one that publishes no address.
"""

import os
import sys
from pathlib import Path

from balchat_ui_cli.program import main

from balchat_host import background
from balchat_host.api.storage import SlotKind
from balchat_host.api.streams import prepare_standard_streams
from balchat_host.api.types import Phase, Secret, ServiceState
from balchat_host.testing.memory_profiles import MemoryProfile, MemoryProfiles

BACKGROUND = "--background"


def front_ends():
    from balchat_ui_rpc.plugin import balchat_front_ends  # noqa: PLC0415  # `--help` does without

    return balchat_front_ends()


async def starting(profile: MemoryProfile, secret: Secret, slot: SlotKind) -> None:
    await background.start([sys.executable, __file__, BACKGROUND, str(profile.directory), slot.value], secret)


if __name__ == "__main__":
    prepare_standard_streams()
    pace = float(os.environ.get("MEMORY_PACE", "0"))
    phase = os.environ.get("MEMORY_UNPUBLISHED")
    unpublished = ServiceState(phase=Phase(phase), reason="by the weather") if phase else None
    root = Path(os.environ["MEMORY_BALCHAT"])
    profiles = MemoryProfiles(root, front_ends=front_ends, pace=pace, unpublished=unpublished, starting=starting)
    if sys.argv[1:2] == [BACKGROUND]:
        directory, slot, descriptor = sys.argv[2:]
        sys.exit(background.serve(profiles.profile(directory), SlotKind(slot), int(descriptor)))
    sys.exit(main(profiles, sys.argv[1:]))
