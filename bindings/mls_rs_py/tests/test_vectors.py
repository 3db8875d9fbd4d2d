"""The MLS working group's vectors, from the crate that carries them (interop/README.md)."""

import re
import subprocess
import sys
from pathlib import Path

RUNNER = Path(__file__).parents[1] / "interop" / "vectors.py"


def test_every_vector_that_a_client_can_drive():
    done = subprocess.run([sys.executable, RUNNER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    # passive-client-random is of suite 1 alone, the others of all.
    assert re.findall(r"^(\S+): \d+ of \d+ passed(.*), \d+ of others$", done.stdout, re.MULTILINE) == [
        ("messages", ""),
        ("passive-client-welcome", " (suites 1: 8, 2: 8, 3: 8, 7: 8)"),
        ("passive-client-handling-commit", " (suites 1: 13, 2: 13, 3: 13, 7: 13)"),
        ("passive-client-random", " (suites 1: 1)"),
    ]
