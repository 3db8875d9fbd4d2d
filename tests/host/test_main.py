"""The command `balchat` before it has found its front end."""

import subprocess
import sys

SCRIPT = """
import resource, sys
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
sys.argv = ["balchat", "version"]
from balchat_host.__main__ import main
main()
print(resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


def test_a_crash_leaves_no_core_file_with_keys_in_it() -> None:
    said = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "0"
