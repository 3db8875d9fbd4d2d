"""The fuzzer in miniature; `make fuzz` runs it in full."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

FUZZER = Path(__file__).parents[1] / "fuzz" / "fuzz.py"


@pytest.mark.fuzz
def test_mutated_messages_are_refused_and_change_nothing():
    count = 1_000_000 if settings.get_current_profile_name() == "fuzz" else 6000
    arguments = [sys.executable, FUZZER, "--inputs", str(count)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
