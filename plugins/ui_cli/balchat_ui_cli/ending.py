"""Waiting for a process to end that is no child of ours."""

import os
import select
import time
from typing import Final

_LONGEST: Final = 10.0**6
"""Seconds that select takes on every system."""
_POLL: Final = 0.05
"""Seconds between looks at a process, where the system cannot tell us of its end."""


def wait_until_gone(process: int, timeout: float) -> bool:
    """Wait at most `timeout` seconds for a process that is no child of ours to end; say whether it has."""
    if not hasattr(os, "pidfd_open"):
        return _poll_until_gone(process, timeout)
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    except OSError:  # sandboxes have kernels and filters without it
        return _poll_until_gone(process, timeout)
    try:
        return bool(select.select([descriptor], [], [], min(timeout, _LONGEST))[0])
    finally:
        os.close(descriptor)


def _poll_until_gone(process: int, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(_POLL)
    return False
