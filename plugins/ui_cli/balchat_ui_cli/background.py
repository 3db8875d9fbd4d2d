"""`balchat up --detach`: a process of its own, in a session of its own, that outlives the terminal.

The parent starts the same program with `up --detached`. The passphrase goes through a pipe, whose number alone stands
in the arguments. The child's standard error is a pipe to the parent: on it come the errors, as JSON, or a word that
the account can be reached. Then the child puts /dev/null in its place, and nothing ties the two any more.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from balchat_host.api.errors import InternalError, error_from
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_ui_cli.output import to_json

_READY = {"up": True}
_LONGEST = 10.0**6
"""Seconds that select takes on every system."""
_POLL = 0.05
"""Seconds between looks at a process, where the system cannot tell us of its end."""


def start(
    secret: Secret, slot: SlotKind, profile: str | None, arguments: Sequence[str], host_arguments: Sequence[str]
) -> None:
    """Start the background process; return when its account can be reached. Raise what keeps it from that.

    `arguments` are this process's own, which tell how it was started; `host_arguments` those that the host took.
    """
    reading, writing = os.pipe()
    os.write(writing, secret.reveal() + b"\n")  # at most 1 KiB: fits the pipe whether or not anybody reads yet
    os.close(writing)
    line = [*_ourselves(arguments), *host_arguments, "up", "--detached", "--json", "--passphrase-fd", str(reading)]
    line += ["--recovery-code"] if slot is SlotKind.RECOVERY_CODE else []
    line += ["--profile", profile] if profile else []
    try:
        process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[reading],
            start_new_session=True,
        )
    finally:
        os.close(reading)
    assert process.stderr
    try:
        with process.stderr as stream:
            said = stream.read().decode(errors="replace").splitlines()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        process.wait()
        raise
    if os.environ.get("BALCHAT_TRACEBACK"):
        sys.stderr.writelines(f"{line}\n" for line in said if not line.startswith("{"))
    if to_json(_READY) not in said:
        process.wait()
        _raise(said)
    # It outlives us on purpose; without this, the object would complain that nobody waited for it.
    process.returncode = 0


def _ourselves(arguments: Sequence[str]) -> list[str]:
    """Return the command line that started this program, without `arguments`, with what the host took for itself."""
    given = sys.argv[1:]
    program = sys.orig_argv[1 : len(sys.orig_argv) - len(given)]
    ours = list(arguments)
    taken_by_host: list[str] = []
    for argument in given:
        if ours and argument == ours[0]:
            ours.pop(0)
        else:
            taken_by_host.append(argument)
    return [sys.executable, *program, *taken_by_host]


def _raise(said: Sequence[str]) -> None:
    for line in reversed(said):
        try:
            error = json.loads(line)["error"]
            raise error_from(error["code"], error["fields"])
        except (ValueError, KeyError, TypeError):
            continue
    raise InternalError(kind=f"the background process ended: {said[-1] if said else 'without a word'}")


def detach() -> None:
    """In the child: say that the account can be reached, and let go of the parent."""
    os.write(2, to_json(_READY).encode() + b"\n")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)


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
