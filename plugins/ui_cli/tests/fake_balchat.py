"""A `balchat` without the host, for tests that need processes: FAKE_BALCHAT names the folder of its profiles.

FAKE_UNPUBLISHED says what its transport comes to, as one that publishes no address.
"""

import os
import sys
from pathlib import Path

from balchat_ui_cli.program import main

from balchat_host.api.streams import prepare_standard_streams
from balchat_host.api.types import Phase, ServiceState
from balchat_host.testing.fake_profiles import FakeProfiles

if __name__ == "__main__":
    prepare_standard_streams()
    pace = float(os.environ.get("FAKE_PACE", "0"))
    phase = os.environ.get("FAKE_UNPUBLISHED")
    unpublished = ServiceState(phase=Phase(phase), reason="by the weather") if phase else None
    sys.exit(main(FakeProfiles(Path(os.environ["FAKE_BALCHAT"]), pace, unpublished), sys.argv[1:]))
