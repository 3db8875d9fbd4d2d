"""Mutated and hand-made envelopes, in miniature; `make fuzz` feeds a million."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[2]


@pytest.mark.fuzz
@pytest.mark.slow
def test_whatever_envelope_comes_it_is_answered_and_everybody_elses_arrive():
    count = 1_000_000 if settings.get_current_profile_name() == "fuzz" else 1000
    arguments = [sys.executable, "-m", "fuzz.inbox", "--inputs", str(count)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
