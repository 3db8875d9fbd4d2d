"""The fuzzer in miniature; `python fuzz/fuzz.py` runs it in full."""

import subprocess
import sys
from pathlib import Path

FUZZER = Path(__file__).parents[1] / "fuzz" / "fuzz.py"


def test_mutated_messages_are_refused_and_change_nothing():
    done = subprocess.run([sys.executable, FUZZER, "--inputs", "6000"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
