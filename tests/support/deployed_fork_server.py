"""The fork server on a machine whose system file is the one that DEPLOYMENT_FILE names."""

import sys

import tests.support.deployed_balchat  # noqa: F401  # pyright: ignore[reportUnusedImport]  # it names the file
from tests.support.fork_server import main

if __name__ == "__main__":
    sys.exit(main())
