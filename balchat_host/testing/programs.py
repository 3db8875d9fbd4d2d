"""The processes of a program under test. It needs Linux."""

import os
from pathlib import Path
from select import select
from typing import Final

PATIENCE: Final = 90.0
"""Seconds after which what is waited for will never come. On an idle machine nothing takes a tenth of it."""


def children(pid: int) -> list[int]:
    """Return the ids of a process's children; none for a process that is gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def wait_until_gone(pid: int, *, patience: float = PATIENCE) -> None:
    """Wait for the end of a process that is no child of ours. Raise TimeoutError."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select([descriptor], [], [], patience)[0]:
            raise TimeoutError(f"process {pid} does not end")
    finally:
        os.close(descriptor)
