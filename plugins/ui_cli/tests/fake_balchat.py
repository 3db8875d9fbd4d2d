"""A `balchat` without the host, for tests that need processes: FAKE_BALCHAT names the folder of its profiles."""

import os
import sys
from pathlib import Path

from balchat_ui_cli.program import main

from balchat_host.testing.fake_host import FakeHost

if __name__ == "__main__":
    pace = float(os.environ.get("FAKE_PACE", "0"))
    sys.exit(main(FakeHost(Path(os.environ["FAKE_BALCHAT"]), pace), sys.argv[1:]))
