"""An account in a process of its own, in a session of its own, that outlives who started it.

`start` runs a program that calls `serve`. The secret goes through a pipe, whose number alone stands in the arguments.
The child's standard error is a pipe to its parent: on it come the errors, as JSON, or a word that the account can be
reached. Then the child puts /dev/null in its place, and nothing ties the two any more.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from threading import Thread
from typing import Final

import anyio
from anyio import CancelScope, to_thread
from anyio.abc import TaskStatus
from balchat_common.commands import place_of

from balchat_host.api.errors import (
    AlreadyRunning,
    BalchatError,
    InternalError,
    SocketUnusable,
    VaultInUse,
    error_from,
)
from balchat_host.api.failures import leaves
from balchat_host.api.frontend import App, Profile
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret

_PATIENCE_VARIABLE: Final = "BALCHAT_LOCK_TIMEOUT"
_PATIENCE: Final = 20.0
"""Seconds to wait for another command that has the vault open."""
_LOOK: Final = 0.1
_INTERRUPTED: Final = 130
_READY: Final = '{"up":true}'
_MAX_SECRET: Final = 64 * 1024


async def start(command: Sequence[str], secret: Secret) -> None:
    """Run a program that calls `serve`, with the number of the descriptor that has the secret as its last argument.

    Return when the account can be reached. Raise what keeps it from that. Cancelled, it ends what it started.
    """
    process = await to_thread.run_sync(_spawn, command, secret)
    try:
        told = await to_thread.run_sync(_read_all, process, abandon_on_cancel=True)
    except BaseException:
        process.send_signal(signal.SIGTERM)
        with CancelScope(shield=True):
            await to_thread.run_sync(process.wait)
        raise
    said = told.decode(errors="replace").splitlines()
    if os.environ.get("BALCHAT_TRACEBACK"):
        sys.stderr.writelines(f"{line}\n" for line in said if not line.startswith("{"))
    if _READY not in said:
        await to_thread.run_sync(process.wait)
        _raise(said)
    # It outlives us on purpose. Where we live longer, somebody has to take note of its end.
    Thread(target=process.wait, daemon=True).start()


def _spawn(command: Sequence[str], secret: Secret) -> subprocess.Popen[bytes]:
    reading, writing = os.pipe()
    try:
        # A pipe takes as much at once, whether or not anybody reads yet.
        os.write(writing, secret.reveal()[:_MAX_SECRET])
        os.close(writing)
        return subprocess.Popen(
            [*command, str(reading)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[reading],
            start_new_session=True,
        )
    finally:
        os.close(reading)


def _read_all(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stderr is not None
    with process.stderr as stream:
        return stream.read()


def _raise(said: Sequence[str]) -> None:
    for line in reversed(said):
        try:
            error = json.loads(line)["error"]
            raise error_from(error["code"], error["fields"])
        except (ValueError, KeyError, TypeError):
            continue
    raise InternalError(kind=f"the background process ended: {said[-1] if said else 'without a word'}")


# -- in the process that was started


def serve(profile: Profile, slot: SlotKind, descriptor: int) -> int:
    """Run the account until it is ended; return the exit code. What goes wrong until it can be reached is reported."""
    with os.fdopen(descriptor, "rb") as pipe:
        secret = Secret(pipe.read(_MAX_SECRET))
    try:
        anyio.run(_hold, profile, secret, slot)
    except BaseException as error:  # noqa: BLE001  # whatever it is, whoever started us is told
        reported = _report(error)
        sys.stderr.write(json.dumps({"error": {"code": reported.code, "fields": reported.fields}}) + "\n")
        return reported.exit_code
    return 0


def _report(error: BaseException) -> BalchatError:
    found = [each for each in leaves(error) if isinstance(each, BalchatError)]
    if os.environ.get("BALCHAT_TRACEBACK") and not found:
        sys.excepthook(type(error), error, error.__traceback__)
    return found[0] if found else InternalError(kind=place_of(error))


async def _hold(profile: Profile, secret: Secret, slot: SlotKind) -> None:
    async with anyio.create_task_group() as everything:
        with CancelScope() as held:
            await everything.start(_end_on_signals, held)
            await _run_when_free(profile, secret, slot, held)
        everything.cancel_scope.cancel()


async def _run_when_free(profile: Profile, secret: Secret, slot: SlotKind, held: CancelScope) -> None:
    """Run the account, once no other process has its vault open. Raise AlreadyRunning, VaultInUse."""
    deadline = anyio.current_time() + _patience()
    while True:
        if await _is_reached(profile):
            raise AlreadyRunning
        try:
            async with anyio.create_task_group() as work:
                await work.start(partial(_run, profile, secret, slot, held))
                if not await _is_reached(profile):
                    # In the background, nobody could end it.
                    problem = (
                        "no front end serves this account to other programs; `balchat up` without --detach shows why"
                    )
                    raise SocketUnusable(problem=problem)
                _detach()
        except* VaultInUse:
            if anyio.current_time() >= deadline:
                raise
        else:
            return
        await anyio.sleep(_LOOK)


async def _is_reached(profile: Profile) -> bool:
    connection = await profile.connect()
    if connection is None:
        return False
    async with connection:
        return True


async def _run(
    profile: Profile, secret: Secret, slot: SlotKind, held: CancelScope, *, task_status: TaskStatus[App]
) -> None:
    await profile.run(secret, slot, task_status=task_status)
    # It was ended from inside.
    held.cancel()


async def _end_on_signals(held: CancelScope, *, task_status: TaskStatus[None]) -> None:
    """Turn the first signal into a clean end; at the second, end at once: the vault bears that."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            if held.cancel_called:
                os._exit(_INTERRUPTED)
            held.cancel()


def _patience() -> float:
    try:
        return max(0.0, float(os.environ.get(_PATIENCE_VARIABLE) or _PATIENCE))
    except ValueError:
        return _PATIENCE


def _detach() -> None:
    """Say that the account can be reached, and let go of whoever started us."""
    os.write(2, _READY.encode() + b"\n")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
