"""Standard streams as the program makes them before anything else."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CLOSED = """
import os, sys
os.closerange(0, 3)
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1], *sys.argv[2:]])
"""
OPENED_LATER = """
import os, sys
from balchat_host.api.streams import prepare_standard_streams
prepare_standard_streams()
file = open(sys.argv[1], "w")
print("to nobody")
print("to nobody", file=sys.stderr)
file.write(f"{file.fileno()} {sys.stdin.read()!r} {[os.readlink(f'/proc/self/fd/{number}') for number in range(3)]}")
"""
SLOW_READER = """
import os, sys
from balchat_host.api.streams import prepare_standard_streams
os.set_blocking(1, False)
prepare_standard_streams()
sys.stdout.write("x" * 1_000_000)
"""


def test_no_file_gets_the_number_of_a_standard_stream_that_is_closed(tmp_path: Path) -> None:
    written = tmp_path / "written"
    subprocess.run([sys.executable, "-c", CLOSED, OPENED_LATER, str(written)], check=True)
    number, what = written.read_text().split(" ", 1)
    assert int(number) > 2
    assert what == f"'' {['/dev/null'] * 3}"


def test_an_output_that_does_not_block_is_written_whole() -> None:
    told = subprocess.run([sys.executable, "-c", SLOW_READER], capture_output=True, check=True)
    assert told.stdout == b"x" * 1_000_000
    assert told.stderr == b""


def test_nothing_is_left_to_fail_when_the_program_ends() -> None:
    program = (
        "from balchat_host.api import streams; streams.prepare_standard_streams(); import sys; sys.stderr.write('x')"
    )
    full = os.open("/dev/full", os.O_WRONLY)
    told = subprocess.run([sys.executable, "-c", program], stdout=full, stderr=full, check=False)
    os.close(full)
    assert told.returncode == 0
