"""The command `balchat` before it has found its front end."""

import json
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


def test_an_error_before_there_is_a_front_end_is_json_where_that_is_wanted() -> None:
    line = [sys.executable, "-m", "balchat_host", "--set", "nonsense", "code"]
    told = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (8, "")
    assert told.stderr.startswith("balchat: --set: nonsense: ")
    told = subprocess.run([*line, "--json"], capture_output=True, text=True, check=False)
    assert json.loads(told.stderr)["error"]["code"] == "configuration"
