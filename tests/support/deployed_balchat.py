"""The command `balchat` on a machine whose system file is the one that DEPLOYMENT_FILE names."""

import os
import sys
from pathlib import Path

from balchat_host.loader import levels

# Before anything has taken it from there.
levels.SYSTEM_FILE = Path(os.environ["DEPLOYMENT_FILE"])  # pyright: ignore[reportConstantRedefinition]  # see above

from balchat_host.__main__ import main  # noqa: E402  # see above

if __name__ == "__main__":
    sys.exit(main())
