"""Random scripts with members of other implementations, short ones; MLS_INTEROP=long plays long ones too.

The drivers are built by `python interop/drivers.py`, which `make test` does first. A failure prints the seed.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LIVE = Path(__file__).parents[1] / "interop" / "live.py"
LONG = os.environ.get("MLS_INTEROP") == "long"

SCRIPTS = [
    # other, suite, members, steps
    ("openmls", 1, 50, 200),
    ("openmls", 2, 5, 40),
    ("openmls", 3, 5, 40),
    ("ts-mls", 1, 5, 200),
    ("ts-mls", 1, 50, 12),
    ("ts-mls", 2, 3, 20),
    ("ts-mls", 3, 3, 40),
    ("ts-mls", 7, 3, 20),
    ("rfc9420", 1, 2, 200),
]
LONG_SCRIPTS = [
    *(("openmls", suite, 50, 200) for suite in (1, 2, 3) for _ in range(10)),
    *(("ts-mls", suite, 50, 200) for suite in (1, 2, 3, 7)),
]


@pytest.mark.timeout(0 if LONG else 300)
@pytest.mark.parametrize(("other", "suite", "members", "steps"), SCRIPTS + (LONG_SCRIPTS if LONG else []))
def test_a_random_script_keeps_all_members_equal(other, suite, members, steps):
    options = {"--suite": suite, "--members": members, "--steps": steps}
    arguments = [str(each) for option in options.items() for each in option]
    done = subprocess.run([sys.executable, LIVE, *arguments, other], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
