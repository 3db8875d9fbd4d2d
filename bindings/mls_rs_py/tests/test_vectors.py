"""The MLS working group's vectors, from the crate that carries them (interop/README.md)."""

import subprocess
import sys
from pathlib import Path

RUNNER = Path(__file__).parents[1] / "interop" / "vectors.py"


def test_every_vector_that_a_client_can_drive():
    done = subprocess.run([sys.executable, RUNNER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.count("passed") == 4
